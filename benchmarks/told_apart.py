"""Can land cover be told from the pictures? Fifty unseen patches to name blind, as radar, synthetic and true.

Writes numbered sheets, each in an order of its own, and with --score compares what somebody said with the truth. The
patches stand in ``told_apart.csv``: ten of each cover, named after the true images, of one cover each. Those of sets
without colour are forest, by their set's own labels. The sheets need GEOSAR_DATA.
"""

import argparse
import csv
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.baselines import Translator
from training.data import Pair, fit_normalisers, normalised, read_pairs
from training.preview import grey
from training.protocol.scoring import as_bytes
from training.translators import engine_translator

KINDS = ("radar", "synthetic", "true")
COVERS = ("town", "field", "forest", "bare hill", "water")
SIDE, SHOWN, COLUMNS = 160, 240, 5
QUESTION = f"""Each numbered picture shows 1.6 x 1.6 km from above. Say what mostly covers the ground, one of:
{", ".join(COVERS)}. A field may be bare or harvested; a bare hill has no trees. Always guess.
Write a file of lines `number: cover`.
"""


def patches() -> list[tuple[str, str, int, int]]:
    """Cover, name of the pair, first row and column."""
    with Path(__file__).with_suffix(".csv").open(newline="") as file:
        return [(row["cover"], row["name"], int(row["row"]), int(row["column"])) for row in csv.DictReader(file)]


def shown(pair: Pair, kind: str, backscatter: NDArray[np.float32], translate: Translator) -> NDArray[np.uint8]:
    """Return the whole pair as one of the kinds of picture, (H, W, 3)."""
    if kind == "true":
        return pair.rgb
    if kind == "radar":
        return np.repeat(grey(backscatter)[..., None], 3, axis=2).astype(np.uint8)
    return as_bytes(translate(backscatter)[..., :3])


def make(data: Path, model: str, folder: Path) -> None:
    """Write a numbered sheet of each kind of picture, and the answers."""
    pairs = read_pairs(data / "pairs") + read_pairs(data / "pairs_grey")
    normalisers, named = fit_normalisers(pairs), {pair.name: pair for pair in pairs}
    translate = engine_translator(model, "int8")
    folder.mkdir(parents=True, exist_ok=True)
    answers = {}
    for seed, kind in enumerate(KINDS):
        drawn = patches()
        order = np.random.default_rng(seed).permutation(len(drawn))
        drawn = [drawn[place] for place in order]
        sheet = Image.new("RGB", (COLUMNS * SHOWN, -(-len(drawn) // COLUMNS) * SHOWN), "white")
        pen = ImageDraw.Draw(sheet)
        for place, (_, name, row, column) in enumerate(drawn):
            pair = named[name]
            whole = shown(pair, kind, normalised(pair, normalisers), translate)
            picture = whole[row : row + SIDE, column : column + SIDE]
            left, top = place % COLUMNS * SHOWN, place // COLUMNS * SHOWN
            sheet.paste(Image.fromarray(picture).resize((SHOWN - 6, SHOWN - 6), Image.Resampling.BICUBIC), (left, top))
            pen.rectangle((left, top, left + 26, top + 12), fill="black")
            pen.text((left + 3, top), str(place + 1), fill="yellow")
        sheet.save(folder / f"{kind}.png")
        answers[kind] = [cover for cover, *_ in drawn]
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "question.txt").write_text(QUESTION)


def score(folder: Path, kind: str, said: Path) -> None:
    """Print how many were named right, and what each cover was taken for."""
    if kind not in KINDS or not said.is_file() or not (folder / "answers.json").is_file():
        sys.exit(f"Give one of {', '.join(KINDS)}, a file of lines, and the folder that the sheets were written to.")
    true = json.loads((folder / "answers.json").read_text())[kind]
    lines = [line.split(":", 1) for line in said.read_text().splitlines() if ":" in line]
    names = {number.strip(): cover.strip() for number, cover in lines}
    wanted = [str(number + 1) for number in range(len(true))]
    if set(names) != set(wanted) or not set(names.values()) <= set(COVERS):
        sys.exit(
            f"{said} must name each of 1 to {len(true)} as one of {', '.join(COVERS)}, one `number: cover` a line."
        )
    pairs = Counter((cover, names[number]) for number, cover in zip(wanted, true, strict=True))
    print(f"{kind}: {sum(pairs[cover, cover] for cover in COVERS)} of {len(true)}")
    for cover in COVERS:
        print(f"  {cover}: " + ", ".join(f"{pairs[cover, other]} {other}" for other in COVERS if pairs[cover, other]))


def main() -> None:
    """Make the sheets, or score what was said of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the sheets and the answers")
    parser.add_argument("--model", default="s1-rgb", help="name or folder of a packaged model")
    parser.add_argument(
        "--score", nargs=2, metavar=("KIND", "SAID"), help="radar, synthetic or true, and a file of lines"
    )
    arguments = parser.parse_args()
    if arguments.score:
        score(arguments.folder, arguments.score[0], Path(arguments.score[1]))
    else:
        data = os.environ.get("GEOSAR_DATA")
        if not data:
            sys.exit("Set GEOSAR_DATA to the folder that holds pairs/ and pairs_grey/.")
        make(Path(data), arguments.model, arguments.folder)


if __name__ == "__main__":
    main()
