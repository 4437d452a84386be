"""Can land cover be told from the pictures? Fifty unseen patches to name blind, as radar, synthetic and true.

Writes numbered sheets, each in an order of its own, and with --score compares what somebody said with the truth. The
patches stand in ``told_apart.csv``: ten of each cover, named after the true images, of one cover each. Those of sets
without colour are forest, by their set's own labels. Beside each sheet lies an interpretation key, as those use who
read aerial photographs: six patches of each cover (``told_apart_key.csv``), chosen by their true images in the training
split, of other tiles and other named regions than the sheets' (those of panels are not known). All need GEOSAR_DATA.
"""

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geosar_training.inference import grey
from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.pair import fit_normalisers, read_pairs
from geosar_training.pairs.planes import planes
from geosar_training.scoring.patches import as_bytes
from geosar_training.scoring.probe import Probe

KINDS = ("radar", "synthetic", "true")
COVERS = ("town", "field", "forest", "bare hill", "water")
SIDE, SHOWN, COLUMNS = 160, 240, 5
KEY_COLUMNS, TITLE = 6, 16
QUESTION = f"""Each numbered picture shows 1.6 x 1.6 km from above. Say what mostly covers the ground, one of:
{", ".join(COVERS)}. A field may be bare or harvested; a bare hill has no trees. Always guess.
The key, where you are given one, shows examples of each, of other places.
Write a file of lines `number: cover`.
"""


class Patch(NamedTuple):
    """A square of `SIDE` pixels of a pair."""

    cover: str
    name: str
    row: int
    column: int


def patches(part: str = "") -> list[Patch]:
    """Read the patches to name, or those of another ``part``, ``_key``."""
    with Path(__file__).with_name(f"{Path(__file__).stem}{part}.csv").open(newline="") as file:
        return [Patch(row["cover"], row["name"], int(row["row"]), int(row["column"])) for row in csv.DictReader(file)]


class Pictures:
    """Every kind of picture of all pairs, of which each is made once."""

    def __init__(self, data: Path, model: str) -> None:
        pairs = read_pairs(data / "pairs") + read_pairs(data / "pairs_grey")
        self.normalisers, self.pairs = fit_normalisers(pairs), {pair.name: pair for pair in pairs}
        self.translate = engine_translator(model, "int8")
        self.whole = cache(self._whole)

    def _whole(self, name: str, kind: str) -> NDArray[np.uint8]:
        pair = self.pairs[name]
        if kind == "true":
            return pair.rgb
        backscatter = planes(pair, self.normalisers)
        if kind == "radar":
            return np.repeat(grey(backscatter)[..., None], 3, axis=2).astype(np.uint8)
        return as_bytes(self.translate(backscatter)[..., :3])

    def cut(self, patch: Patch, kind: str) -> NDArray[np.uint8]:
        """Return the pixels of a patch."""
        whole = self.whole(patch.name, kind)
        return whole[patch.row : patch.row + SIDE, patch.column : patch.column + SIDE]

    def __call__(self, patch: Patch, kind: str) -> Image.Image:
        """Return the patch as it is shown on a sheet."""
        return Image.fromarray(self.cut(patch, kind)).resize((SHOWN - 6, SHOWN - 6), Image.Resampling.BICUBIC)


def sheet_of(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return numbered pictures."""
    sheet = Image.new("RGB", (COLUMNS * SHOWN, -(-len(pictures) // COLUMNS) * SHOWN), "white")
    pen = ImageDraw.Draw(sheet)
    for place, picture in enumerate(pictures):
        left, top = place % COLUMNS * SHOWN, place // COLUMNS * SHOWN
        sheet.paste(picture, (left, top))
        pen.rectangle((left, top, left + 26, top + 12), fill="black")
        pen.text((left + 3, top), str(place + 1), fill="yellow")
    return sheet


def key_of(pictures: Mapping[str, Sequence[Image.Image]]) -> Image.Image:
    """Return rows of pictures, each below its title."""
    high = SHOWN + TITLE
    sheet = Image.new("RGB", (KEY_COLUMNS * SHOWN, len(pictures) * high), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (title, shown) in enumerate(pictures.items()):
        pen.text((3, row * high + 2), title.upper(), fill="black")
        for column, picture in enumerate(shown):
            sheet.paste(picture, (column * SHOWN, row * high + TITLE))
    return sheet


def make(data: Path, model: str, folder: Path) -> None:
    """Write a numbered sheet and a key of each kind of picture, a key of all kinds, and the answers."""
    picture = Pictures(data, model)
    folder.mkdir(parents=True, exist_ok=True)
    answers: dict[str, list[str]] = {}
    rows: dict[tuple[str, str], list[Image.Image]] = {}
    examples = patches("_key")
    for seed, kind in enumerate(KINDS):
        drawn = patches()
        drawn = [drawn[place] for place in np.random.default_rng(seed).permutation(len(drawn))]
        sheet_of([picture(patch, kind) for patch in drawn]).save(folder / f"{kind}.png")
        answers[kind] = [patch.cover for patch in drawn]
        for cover in COVERS:
            rows[cover, kind] = [picture(patch, kind) for patch in examples if patch.cover == cover]
        key_of({cover: rows[cover, kind] for cover in COVERS}).save(folder / f"{kind}-key.png")
    key_of({f"{cover}, {kind}": rows[cover, kind] for cover in COVERS for kind in KINDS}).save(folder / "key.png")
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


def ask(data: Path, model: str) -> None:
    """Print how many patches the probe names right, of the fifty by the key, and of all by all others."""
    probe = Probe(data / "weights" / "squeezenet1_1.safetensors")
    picture, known, asked = Pictures(data, model), patches("_key"), patches()
    true = [patch.cover for patch in asked]
    for kind in KINDS:
        key, rest = (probe.features([picture.cut(patch, kind) for patch in part]) for part in (known, asked))
        named = probe.named(key, [patch.cover for patch in known], rest)
        covers = [patch.cover for patch in (*known, *asked)]
        others = probe.left_out(np.concatenate([key, rest]), covers)
        right = Counter(cover for cover, said in zip(true, named, strict=True) if cover == said)
        each = ", ".join(f"{cover} {right[cover]}" for cover in COVERS)
        left_out = sum(cover == said for cover, said in zip(covers, others, strict=True))
        print(f"{kind}: {right.total()} of {len(true)} ({each}); left out one by one, {left_out} of {len(covers)}")


def main() -> None:
    """Make the sheets, or score what was said of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="for the sheets and the answers")
    parser.add_argument("--probe", action="store_true", help="let a classifier name the patches, by the key")
    parser.add_argument("--model", default="s1-rgb", help="name or folder of a packaged model")
    parser.add_argument(
        "--score", nargs=2, metavar=("KIND", "SAID"), help="radar, synthetic or true, and a file of lines"
    )
    arguments = parser.parse_args()
    if not arguments.probe and arguments.folder is None:
        parser.error("give a folder for the sheets, or --probe")
    if arguments.score:
        score(arguments.folder, arguments.score[0], Path(arguments.score[1]))
    else:
        data = os.environ.get("GEOSAR_DATA")
        if not data:
            sys.exit("Set GEOSAR_DATA to the folder that holds pairs/ and pairs_grey/.")
        if arguments.probe:
            ask(Path(data), arguments.model)
        else:
            make(Path(data), arguments.model, arguments.folder)


if __name__ == "__main__":
    main()
