"""The optical image of a pair, read window by window on the radar's grid and as 8-bit RGB."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from geosar.display import WHITE_PERCENTILE, bands_but_alpha, labelled_colour_bands
from geosar.errors import SceneContentError
from geosar.grid import MapGrid, Window
from geosar.scene.untrusted import open_path
from geosar_training.errors import PrepareError

LOOKED_AT = 1024
"""Pixels on a side of the small version from which the stretch is taken."""

TOLERANCE = 0.05
"""Share of a pixel by which grids may differ and still count as one."""


class Optical:
    """Made by `open_optical`."""

    def __init__(self, dataset: Any, bands: Sequence[int]) -> None:
        self._dataset, self._bands = dataset, list(bands)
        names = {band: dataset.descriptions[band - 1] for band in bands}
        self.bands = ", ".join(f"{band} ({name})" if name else f"{band}" for band, name in names.items())
        """The bands that are read, red first, with their names."""
        self._gain = 1.0 if dataset.dtypes[bands[0] - 1] == "uint8" else 255.0 / self._white()

    @property
    def coloured(self) -> bool:
        """Whether there are three bands."""
        return len(self._bands) == 3

    def read(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return RGB (H, W, 3) or grey (H, W), and where it is real (H, W)."""
        there = rasterio.windows.Window(window.col_off, window.row_off, window.width, window.height)
        values = self._dataset.read(self._bands, window=there)
        valid: NDArray[np.bool_] = (self._dataset.read_masks(self._bands, window=there) > 0).all(axis=0)
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        image = np.clip(np.nan_to_num(values) * self._gain, 0, 255).round().astype(np.uint8)
        return (np.moveaxis(image, 0, -1) if self.coloured else image[0]), valid

    def _white(self) -> float:
        """Value that becomes white: the 99 % quantile of all bands of the scene."""
        shape = [min(length, LOOKED_AT) for length in self._dataset.shape]
        small = self._dataset.read(self._bands, out_shape=(len(self._bands), *shape), masked=True)
        values = small.compressed()
        values = values[np.isfinite(values)]
        if not values.size or (white := float(np.percentile(values, WHITE_PERCENTILE))) <= 0:
            raise PrepareError(f"{self._dataset.name} has no value above 0; expected an optical image.")
        return white


@contextmanager
def open_optical(path: Path, grid: MapGrid, bands: Sequence[int], *, resample: bool) -> Iterator[Optical]:
    """Open an optical image on the radar's grid.

    `bands` are counted from 1; none stands for red, green and blue as the bands say, for three in their order where
    none says so, or for the only one (grey). Values of other types than 8-bit are stretched by the scene's 99 %
    quantile. Raises PrepareError when it cannot be read, when nothing says which of its bands are colours, and when
    its grid is another, unless `resample` brings it there.
    """
    try:
        with open_path(path) as dataset:
            chosen = list(bands) or _bands_of(dataset, path)
            if not set(chosen) <= set(range(1, dataset.count + 1)) or len(chosen) not in (1, 3):
                raise PrepareError(f"{path} has {dataset.count} bands; asked for are {chosen}, expected one or three.")
            difference = _difference(dataset, grid)
            if difference is None:
                yield Optical(dataset, chosen)
            elif not resample:
                raise PrepareError(
                    f"{path} does not lie on the radar's grid: {difference}. Bring it there with --resample, or cut "
                    "both to one grid."
                )
            else:
                with _warped(dataset, grid) as warped:
                    yield Optical(warped, chosen)
    except SceneContentError as error:
        raise PrepareError(f"{path}: {error}") from error
    except (RasterioError, OSError) as error:
        raise PrepareError(f"{path} cannot be read as an optical image ({error}).") from error


def _bands_of(dataset: Any, path: Path) -> list[int]:
    """Return red, green and blue, or the only band; raises PrepareError where they would have to be guessed."""
    labelled, every = labelled_colour_bands(dataset), bands_but_alpha(dataset)
    if labelled or len(every) in (1, 3):
        return list(labelled or every)
    names = ", ".join(name or "nameless" for name in dataset.descriptions[:6])
    raise PrepareError(
        f"{path} has {dataset.count} bands ({names}{', ...' if dataset.count > 6 else ''}), and nothing says which are "
        "red, green and blue. Say it: --bands 4,3,2 is right for all bands of Sentinel-2 in their order."
    )


def _warped(dataset: Any, grid: MapGrid) -> WarpedVRT:
    if grid.crs is None or dataset.crs is None:
        raise PrepareError(
            f"{dataset.name} or its radar has no CRS, so that nothing can be resampled; georeference it."
        )
    masked = dataset.nodata is not None or ColorInterp.alpha in dataset.colorinterp
    return WarpedVRT(
        dataset, crs=grid.crs, transform=grid.transform, width=grid.width, height=grid.height,
        add_alpha=not masked,  # says which pixels lie outside
        resampling=Resampling.cubic,
    )  # fmt: skip


def _difference(dataset: Any, grid: MapGrid) -> str | None:
    """Say in words how a raster's grid differs from another; None where it does not."""
    if dataset.crs != grid.crs:
        return f"its CRS is {_name(dataset.crs)}, the radar's {_name(grid.crs)}"
    if dataset.shape != grid.shape:
        return f"it has {dataset.width} x {dataset.height} pixels, the radar {grid.width} x {grid.height}"
    size = max(abs(grid.transform.a), abs(grid.transform.b))
    corners = [(0, 0), (grid.width, 0), (0, grid.height), (grid.width, grid.height)]
    far = max(
        np.hypot(*(np.array(dataset.transform @ corner) - np.array(grid.transform @ corner))) for corner in corners
    )
    if far > TOLERANCE * size:
        return f"their pixels lie up to {far / size:.2f} pixels apart"
    return None


def _name(crs: Any) -> str:
    return crs.to_string() if crs else "missing"
