"""
What writing a COG costs: the sink against GDAL's COG driver, and where the sink's own time goes.

    python benchmarks/sink.py [RGB.tif]

prints the tables of docs/adr/0002-cog-sink.md. Without an argument it takes the Sentinel-2 scene of GEOSAR_DATA.
Core-milliseconds are user and system time of one process with one thread, the least of several runs.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rio_cogeo.cogeo import cog_validate

from geosar.cog import CogSink
from geosar.cog.compression import TileEncoder
from geosar.cog.overviews import halve
from geosar.grid import MapGrid, windows

WINDOW, TILE = 2048, 512
ROUNDS = {"webp": 1}
GDAL_OPTIONS = {
    "zstd": {"level": 1, "predictor": "YES"},
    "deflate": {"level": 4, "predictor": "YES"},
    "lzw": {"predictor": "YES"},
    "jpeg": {"quality": 90},
    "webp": {"quality": 90},
}

Pixels = NDArray[np.uint8]
Valid = NDArray[np.bool_]


class Scene:
    """The whole image in memory, so that reading it is not measured."""

    def __init__(self, path: Path) -> None:
        with rasterio.open(path) as dataset:
            self.grid = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
            self.pixels: Pixels = np.ascontiguousarray(dataset.read((1, 2, 3)).transpose(1, 2, 0))
            self.valid: Valid = dataset.dataset_mask() > 0
        self.windows = windows(self.grid.width, self.grid.height, WINDOW)
        self.megapixels = self.grid.width * self.grid.height / 1e6

    def through_sink(self, path: Path, compress: str) -> None:
        """Write it window by window through the sink."""
        with CogSink(path, self.grid, bands=3, compress=compress, overwrite=True) as sink:
            for window in self.windows:
                sink.write(window, self.pixels[window.slices], self.valid[window.slices])

    def through_gdal(self, path: Path, compress: str) -> None:
        """Do as one does without the sink: a tiled GeoTIFF first, then its copy by the COG driver."""
        part = path.with_suffix(".part.tif")
        profile = {"driver": "GTiff", "width": self.grid.width, "height": self.grid.height, "count": 3, "tiled": True}
        profile |= {"dtype": "uint8", "blockxsize": TILE, "blockysize": TILE, "photometric": "RGB"}
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with rasterio.open(part, "w", **profile, crs=self.grid.crs, transform=self.grid.transform) as dataset:
                for window in self.windows:
                    dataset.write(self.pixels[window.slices].transpose(2, 0, 1), window=window.to_rasterio())
                    dataset.write_mask(self.valid[window.slices], window=window.to_rasterio())
            rasterio.shutil.copy(
                part, path, driver="COG", compress=compress, overview_resampling="average", **GDAL_OPTIONS[compress]
            )
        part.unlink()


def least(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Give the least core-seconds and the least seconds of several runs."""
    cores, walls = [], []
    for _ in range(rounds):
        core, wall = time.process_time(), time.perf_counter()
        work()
        cores.append(time.process_time() - core)
        walls.append(time.perf_counter() - wall)
    return min(cores), min(walls)


def compare(scene: Scene, folder: Path, rounds: int) -> None:
    """Print the sink beside GDAL's driver, for every compression."""
    print("| compression | sink, core-ms/Mpx | GDAL, core-ms/Mpx | sink, ms/Mpx | GDAL, ms/Mpx | sink, MB | GDAL, MB |")
    print("|---|---|---|---|---|---|---|")
    for compress in GDAL_OPTIONS:
        row = []
        for way in (scene.through_sink, scene.through_gdal):
            path = folder / f"{way.__name__}.tif"
            core, wall = least(partial(way, path, compress), ROUNDS.get(compress, rounds))
            row.append((1000 * core / scene.megapixels, 1000 * wall / scene.megapixels, path.stat().st_size / 1e6))
        ours, theirs = row
        cells = [f"{each:.1f}" for pair in zip(ours, theirs, strict=True) for each in pair]
        print(f"| {compress} | {' | '.join(cells)} |")


def take_apart(scene: Scene, folder: Path, rounds: int) -> None:
    """Print where the time of the default compression goes, each step done alone."""
    encoder = TileEncoder("zstd", bands=3, tile=TILE)
    tiles = [
        scene.pixels[top : top + TILE, left : left + TILE]
        for top in range(0, scene.grid.height, TILE)
        for left in range(0, scene.grid.width, TILE)
    ]
    masks = [
        scene.valid[top : top + TILE, left : left + TILE]
        for top in range(0, scene.grid.height, TILE)
        for left in range(0, scene.grid.width, TILE)
    ]
    payloads = [encoder.encode(tile) for tile in tiles]
    whole = np.ones((WINDOW, WINDOW), np.bool_)
    ragged = whole.copy()
    ragged[np.add.outer(np.arange(WINDOW), np.arange(WINDOW)) < WINDOW] = False
    block = np.ascontiguousarray(scene.pixels[:WINDOW, :WINDOW])
    masked = block * ragged[..., None]

    def overviews(pixels: Pixels, valid: Valid | None) -> None:
        for _ in range(4):
            pixels, valid = halve(pixels, valid)

    path = folder / "apart.tif"
    scene.through_sink(path, "zstd")
    area = block.shape[0] * block.shape[1] / 1e6
    steps = {
        "predictor and ZSTD level 1, full resolution": (lambda: [encoder.encode(tile) for tile in tiles], None),
        "of that, the predictor": (lambda: [encoder._differences(tile) for tile in tiles], None),  # noqa: SLF001
        "masks, full resolution": (lambda: [encoder.encode_mask(mask) for mask in masks], None),
        "four overviews by means, all valid": (lambda: overviews(block, None), area),
        "four overviews by means, half valid": (lambda: overviews(masked, ragged), area),
        "CRC-32 of the spool": (lambda: [imagecodecs.deflate_crc32(payload) for payload in payloads], None),
        "validation by rio-cogeo": (lambda: cog_validate(path, strict=True, quiet=True), None),
    }
    print("\n| step | core-ms/Mpx |\n|---|---|")
    for name, (work, megapixels) in steps.items():
        core, _ = least(work, rounds)
        print(f"| {name} | {1000 * core / (megapixels or scene.megapixels):.2f} |")
    sink = CogSink(path, scene.grid, bands=3, overwrite=True)
    for window in scene.windows:
        sink.write(window, scene.pixels[window.slices], scene.valid[window.slices])
    core, _ = least(sink.close, 1)
    print(f"| closing: deeper overviews, header, copy, flush, validation | {1000 * core / scene.megapixels:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("GEOSAR_DATA", ".")) / "scenes" / "los_angeles_s2_rgb.tif"
    parser.add_argument("scene", type=Path, nargs="?", default=default)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    scene = Scene(arguments.scene)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{scene.grid.width} x {scene.grid.height} pixels, {scene.megapixels:.1f} Mpx, RGB and mask\n")
        compare(scene, Path(folder), arguments.rounds)
        take_apart(scene, Path(folder), arguments.rounds)
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
