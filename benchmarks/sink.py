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
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import rasterio
import rasterio.shutil
from rio_cogeo.cogeo import cog_validate

from geosar.cog import CogSink
from geosar.cog.compression import TileEncoder
from geosar.cog.overviews import Samples, Valid, halve
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

LOSSLESS = ("zstd", "deflate", "lzw")


class Scene:
    """The whole image in memory, so that reading it is not measured."""

    def __init__(self, grid: MapGrid, pixels: Samples, valid: Valid) -> None:
        self.grid, self.pixels, self.valid = grid, pixels, valid
        self.windows = windows(self.grid.width, self.grid.height, WINDOW)
        self.megapixels = self.grid.width * self.grid.height / 1e6
        self.bands, self.dtype = pixels.shape[2], pixels.dtype.name

    @classmethod
    def read(cls, path: Path) -> "Scene":
        """Read a picture of three bands."""
        with rasterio.open(path) as dataset:
            grid = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
            pixels = np.ascontiguousarray(dataset.read((1, 2, 3)).transpose(1, 2, 0))
            return cls(grid, pixels, dataset.dataset_mask() > 0)

    def decibels(self, noise: float, *, rounded: bool = False) -> "Scene":
        """Make two bands of decibels in the form of the picture's red and green, with noise of so many decibels."""
        random = np.random.default_rng(1)
        values = self.pixels[..., :2] / 10 - 30
        for axis in (0, 1):
            values = (np.roll(values, 1, axis) + values + np.roll(values, -1, axis)) / 3
        values += random.normal(0, noise, values.shape)
        if rounded:
            values = np.round(values * 128) / 128
        values *= self.valid[..., None]  # as the sink stores them, so that sizes can be compared
        return Scene(self.grid, values.astype(np.float32), self.valid)

    def through_sink(self, path: Path, compress: str) -> None:
        """Write it window by window through the sink."""
        colour = "rgb" if self.bands == 3 else "grey"
        options = {"bands": self.bands, "dtype": self.dtype, "colour": colour, "compress": compress}
        with CogSink(path, self.grid, overwrite=True, **options) as sink:
            for window in self.windows:
                sink.write(window, self.pixels[window.slices], self.valid[window.slices])

    def through_gdal(self, path: Path, compress: str) -> None:
        """Do as one does without the sink: a tiled GeoTIFF first, then its copy by the COG driver."""
        part = path.with_suffix(".part.tif")
        profile = {"driver": "GTiff", "width": self.grid.width, "height": self.grid.height, "tiled": True}
        profile |= {"dtype": self.dtype, "count": self.bands, "blockxsize": TILE, "blockysize": TILE}
        profile |= {"photometric": "RGB"} if self.bands == 3 else {}
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
    """Return the least core-seconds and the least seconds of several runs."""
    cores, walls = [], []
    for _ in range(rounds):
        core, wall = time.process_time(), time.perf_counter()
        work()
        cores.append(time.process_time() - core)
        walls.append(time.perf_counter() - wall)
    return min(cores), min(walls)


def compare(scene: Scene, folder: Path, rounds: int, compressions: Iterable[str] = GDAL_OPTIONS) -> None:
    """Print the sink beside GDAL's driver, for every compression."""
    print("| compression | sink, core-ms/Mpx | GDAL, core-ms/Mpx | sink, ms/Mpx | GDAL, ms/Mpx | sink, MB | GDAL, MB |")
    print("|---|---|---|---|---|---|---|")
    for compress in compressions:
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

    def overviews(pixels: Samples, valid: Valid | None) -> None:
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


def weigh_predictor(scene: Scene, rounds: int) -> None:
    """Print what the floating point predictor takes and saves, at full resolution."""
    print("\n| decibels | compression | bits a value, without | with | core-ms/Mpx, without | with |")
    print("|---|---|---|---|---|---|")
    side = min(*scene.grid.shape) // TILE * TILE
    for name, decibels in {
        "noise of 0.01 dB": scene.decibels(0.01),
        "noise of 0.5 dB": scene.decibels(0.5),
        "noise of 0.5 dB, in steps of 1/128 dB": scene.decibels(0.5, rounded=True),
    }.items():
        places = [(top, left) for top in range(0, side, TILE) for left in range(0, side, TILE)]
        tiles = [np.ascontiguousarray(decibels.pixels[top : top + TILE, left : left + TILE]) for top, left in places]
        for compress in LOSSLESS:
            encoder = TileEncoder(compress, bands=2, tile=TILE, dtype="float32")
            row = []
            for way in (lambda tile, to=encoder: to._encode_lossless(bytearray(tile.tobytes())), encoder.encode):  # noqa: SLF001
                size = sum(len(way(tile)) for tile in tiles)
                core, _ = least(lambda way=way, tiles=tiles: [way(tile) for tile in tiles], rounds)
                row.append((8 * size / (2 * side * side), 1000 * core / (side * side / 1e6)))
            (bare, bare_time), (with_it, time_with) = row
            print(f"| {name} | {compress} | {bare:.1f} | {with_it:.1f} | {bare_time:.1f} | {time_with:.1f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("GEOSAR_DATA", ".")) / "scenes" / "los_angeles_s2_rgb.tif"
    parser.add_argument("scene", type=Path, nargs="?", default=default)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    scene = Scene.read(arguments.scene)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{scene.grid.width} x {scene.grid.height} pixels, {scene.megapixels:.1f} Mpx, RGB and mask\n")
        compare(scene, Path(folder), arguments.rounds)
        take_apart(scene, Path(folder), arguments.rounds)
        print("\nTwo bands of float32 in decibel, noise of 0.5 dB\n")
        compare(scene.decibels(0.5), Path(folder), arguments.rounds, LOSSLESS)
        weigh_predictor(scene, arguments.rounds)
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
