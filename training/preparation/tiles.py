"""Cuts one scene and its optical image into tiles, looks at each, and writes those that are kept."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from glob import escape
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import RasterioError

from geosar import open_scene
from geosar.backscatter import Normaliser, Values, to_decibel
from geosar.errors import GeosarError
from geosar.grid import MapGrid, Window
from geosar.scene import SarScene
from geosar_training.errors import PrepareError
from geosar_training.pairs.pair import CLIP
from geosar_training.preparation.checks import Duplicates, Shift, cloud_fraction, correlate, peak
from geosar_training.preparation.optical import Optical, open_optical
from geosar_training.preparation.sources import Source, Unusable

MIDDLE, SCALE = 128.0, 31.75
"""Grey values of the radar: ``MIDDLE + SCALE * (decibel - mean) / deviation`` of the scene; 0 is no data."""


@dataclass(frozen=True)
class Options:
    """How tiles are cut, and which are left out."""

    size: int = 256
    scale: str | None = None
    polarisation: str | None = None
    bands: tuple[int, ...] = ()
    resample: bool = False
    minimum_valid: float = 1.0
    maximum_clouds: float = 0.3
    maximum_shift: float | None = None
    keep_duplicates: bool = False


@dataclass(frozen=True)
class Tile:
    """One tile, kept or (with a `reason`) not."""

    name: str
    source: Source
    grid: MapGrid
    row: int
    """Row and column of the tile among the scene's."""
    column: int
    polarisations: tuple[str, ...]
    valid: float
    clouds: float = 0.0
    shift: Shift | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Opened:
    """The two files of a pair, and how the radar is normalised."""

    source: Source
    scene: SarScene
    optical: Optical
    normalise: Normaliser


@dataclass
class Cutter:
    """Cuts scene after scene into `folder`; knows the tiles so far, so that duplicates are found among all scenes."""

    folder: Path
    options: Options
    duplicates: Duplicates = field(default_factory=Duplicates)
    fits: dict[str, tuple[int, NDArray[np.float64]]] = field(default_factory=dict)
    """By scene, the number of tiles and the sum of what `correlate` gave for them."""
    bands: dict[str, str] = field(default_factory=dict)
    """By scene, the bands of its optical image that were taken for red, green and blue."""

    def shifts(self) -> dict[str, Shift]:
        """Return the shift of each scene, of all its tiles together."""
        return {scene: peak(fits, tiles) for scene, (tiles, fits) in self.fits.items()}

    def fault(self, source: Source) -> str:
        """Open a scene and say why it cannot be used; nothing where it seems that it can."""
        try:
            with self._open(source):
                return ""
        except (GeosarError, PrepareError) as error:
            return str(error)

    def scene(self, source: Source) -> list[Tile] | Unusable:
        """Return the tiles of a scene, in rows, with the images of those kept written; nothing is left of a bad one."""
        tiles: list[Tile] = []
        try:
            with self._open(source) as opened:
                self.bands[source.name] = opened.optical.bands
                rows, columns = (length // self.options.size for length in opened.scene.grid.shape)
                for row, column in product(range(rows), range(columns)):
                    tiles.append(self._tile(opened, row, column))
        except (GeosarError, PrepareError, RasterioError) as error:
            self._forget(source, tiles)
            return Unusable(source.name, str(error))
        return tiles

    @contextmanager
    def _open(self, source: Source) -> Iterator[_Opened]:
        options = self.options
        with (
            open_scene(source.sar, scale=options.scale, polarisation=options.polarisation) as scene,
            open_optical(source.optical, scene.grid, options.bands, resample=options.resample) as optical,
        ):
            _check_size(scene, options.size)
            yield _Opened(source, scene, optical, Normaliser(scene.unit, scene.statistics, CLIP))

    def _forget(self, source: Source, tiles: Sequence[Tile]) -> None:
        for tile in tiles:
            self.duplicates.forget(tile.name)
            for path in self.folder.glob(f"*/{escape(tile.name)}.*"):
                path.unlink()
        for known in (self.fits, self.bands):
            known.pop(source.name, None)

    def _tile(self, opened: _Opened, row: int, column: int) -> Tile:
        options, size, scene = self.options, self.options.size, opened.scene
        window = Window(column * size, row * size, size, size)
        block = scene.read(window)
        image, real = opened.optical.read(window)
        valid = block.valid & real
        tile = Tile(
            f"{opened.source.name}_{row:03d}_{column:03d}", opened.source, scene.grid.subgrid(window), row, column,
            scene.polarisations, float(valid.mean()),
        )  # fmt: skip
        if tile.valid < options.minimum_valid or not valid.any():
            return replace(tile, reason=f"no data: {1 - tile.valid:.1%} of it")
        backscatter = opened.normalise(block.values, block.valid)
        coloured = opened.optical.coloured
        grey = (image.mean(axis=-1) if coloured else image).astype(np.float32)
        tile = replace(
            tile,
            clouds=cloud_fraction(image) if coloured else 0.0,
            shift=self._shift(opened.source, correlate(backscatter[0], grey)),
        )
        reason = self._fault(tile, backscatter[0], grey)
        if not reason:
            self._write(tile.name, backscatter[0], image, valid)
            if len(scene.polarisations) > 1:
                decibels = np.where(block.valid, to_decibel(block.values, scene.unit), np.nan)
                _write_decibels(self.folder / "sar_db" / f"{tile.name}.tif", decibels, scene)
        return replace(tile, reason=reason)

    def _shift(self, source: Source, fits: NDArray[np.float64]) -> Shift:
        tiles, total = self.fits.get(source.name, (0, np.zeros_like(fits)))
        self.fits[source.name] = (tiles + 1, total + fits)
        return peak(fits)

    def _fault(self, tile: Tile, backscatter: NDArray[np.float32], grey: NDArray[np.float32]) -> str:
        """Say why a tile is left out; nothing when it is kept."""
        options, shift = self.options, tile.shift
        if tile.clouds > options.maximum_clouds:
            return f"clouds or snow: {tile.clouds:.0%} of it"
        if shift and shift.certain and options.maximum_shift is not None and shift.distance > options.maximum_shift:
            return f"shifted: by {shift.distance:.1f} pixels"
        if options.keep_duplicates:
            return ""
        earlier = self.duplicates.of(tile.name, backscatter, grey)
        return f"duplicate: of {earlier}" if earlier else ""

    def _write(
        self, name: str, backscatter: NDArray[np.float32], image: NDArray[np.uint8], valid: NDArray[np.bool_]
    ) -> None:
        grey = np.clip(np.round(MIDDLE + SCALE * backscatter), 1, 255) * valid
        _save(grey.astype(np.uint8), self.folder / "sar" / f"{name}.png")
        _save(image, self.folder / "opt" / f"{name}.png")
        if not valid.all():
            _save(valid.astype(np.uint8) * 255, self.folder / "mask" / f"{name}.png")


def _check_size(scene: SarScene, size: int) -> None:
    if min(scene.grid.shape) < size:
        raise PrepareError(
            f"{scene.source} has {scene.grid.width} x {scene.grid.height} pixels, less than a tile of {size}; give a "
            "smaller --size."
        )


def check_free(sources: Sequence[Source], folder: Path) -> None:
    """Raise PrepareError when the disk has less free space than the sources' own size."""
    needed = sum(path.stat().st_size for source in sources for path in (source.sar, source.optical) if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PrepareError(
            f"{folder} has {free / 1e6:.0f} MB free; the tiles may need {needed / 1e6:.0f} MB. Give another --output."
        )


def _save(image: NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path)


def _write_decibels(path: Path, decibels: Values, scene: SarScene) -> None:
    """Write all polarisations in hundredths of a decibel, as `geosar_training.pairs.decibels` reads them."""
    path.parent.mkdir(exist_ok=True)
    values = np.where(np.isfinite(decibels), np.clip(decibels * 100, -32000, 32000), -32768).round().astype(np.int16)
    profile = {"driver": "GTiff", "count": len(values), "dtype": "int16", "nodata": -32768, "compress": "deflate"}
    with rasterio.open(path, "w", height=values.shape[1], width=values.shape[2], **profile) as raster:
        raster.write(values)
        raster.scales = [0.01] * len(values)
        for index, polarisation in enumerate(scene.polarisations, start=1):
            raster.set_band_description(index, polarisation)
