"""Rearranges a report's sheet of fifty patches for the manual: radar, int8, truth; ten to a column, reduced.

geosar-evaluate s1-rgb --pairs $GEOSAR_DATA/pairs -o report --sheet 50 --quick
python benchmarks/fifty.py report/sheet.png docs/pictures/sheet.webp
"""

import sys

from PIL import Image

PATCH, ROWS, GAP = 256, 16, 8
"""The report's: pixels, patches below each other, pixels between blocks."""
SHOWN = (0, 2, 3)
"""Of radar, float32, int8, truth."""
COUNT, DEEP, SIDE, BETWEEN = 50, 10, 104, 6
"""The manual's."""


def main(report: str, target: str) -> None:
    """Cut the sheet into patches, and lay them out anew."""
    with Image.open(report) as opened:
        sheet = opened.convert("RGB")
    width = len(SHOWN) * SIDE
    picture = Image.new("RGB", (COUNT // DEEP * (width + BETWEEN) - BETWEEN, DEEP * SIDE), "white")
    for place in range(COUNT):
        left, top = place // ROWS * (4 * PATCH + GAP), place % ROWS * PATCH
        for column, number in enumerate(SHOWN):
            box = (left + number * PATCH, top, left + (number + 1) * PATCH, top + PATCH)
            patch = sheet.crop(box).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            picture.paste(patch, (place // DEEP * (width + BETWEEN) + column * SIDE, place % DEEP * SIDE))
    picture.save(target, quality=80, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:3])
