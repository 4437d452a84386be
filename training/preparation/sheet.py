"""A sheet of tiles for the eye: the radar, and right of it its optical image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SHOWN = 24
SIDE = 192
COLUMNS = 4


def save_sheet(folder: Path, names: Sequence[str]) -> None:
    """Write ``sheet.png`` into a folder of pairs: `SHOWN` of the tiles `names`, drawn evenly over all of them."""
    chosen = [names[int(index)] for index in np.linspace(0, len(names) - 1, min(SHOWN, len(names)))]
    sheet = Image.new("RGB", (COLUMNS * (2 * SIDE + 8) - 8, -(-len(chosen) // COLUMNS) * (SIDE + 8) - 8), "white")
    for place, name in enumerate(chosen):
        left, top = place % COLUMNS * (2 * SIDE + 8), place // COLUMNS * (SIDE + 8)
        for column, part in enumerate(("sar", "opt")):
            with Image.open(folder / part / f"{name}.png") as image:
                sheet.paste(image.convert("RGB").resize((SIDE, SIDE)), (left + column * SIDE, top))
    sheet.save(folder / "sheet.png")
