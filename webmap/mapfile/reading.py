"""From raster files to layers of a map: read small, brought to Web Mercator, shown as pictures."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader

import geosar
from geosar.backscatter import to_decibel
from geosar.display import SAR_PERCENTILES, WHITE_PERCENTILE, colour_bands
from geosar.errors import SceneContentError
from geosar.grid import MapGrid
from geosar.scene import SarScene, polarisations
from geosar.scene.raster import bands_are_equal, check_readable, is_photograph, measurement_bands
from geosar.scene.source import Source, gdal_errors, resolve
from geosar.scene.untrusted import open_raster
from geosar_webmap.mapfile.layers import ERROR_LEGEND, Layer, Role, sar_legend, sar_name, synthetic_notice
from geosar_webmap.mapfile.pictures import coloured_error, data_url, stretched
from geosar_webmap.mapfile.webmercator import corners, warped, web_grid

SourceText = str | os.PathLike[str]
Values = NDArray[np.float32]

_OVERREAD = 2
"""Rasters are read up to twice as fine as they are shown, so that warping has something to average."""
_COLOURS = 3


def read_layers(
    source: SourceText | Mapping[str, SourceText], size: int, role: Role | None = None, **opening: Any
) -> list[Layer]:
    """Read a raster for a map, at most `size` pixels long; a SAR scene gives one layer a polarisation, and a composite.

    Without `role` the file says what it is: by geosar's tags, else by being a colour image, else it is SAR.
    `opening` goes to `geosar.open_scene`. Raises GeosarError: no such file, no raster, no place on a map, no value.
    """
    if isinstance(source, Mapping) or role == "sar":
        return _sar_layers(source, size, **opening)
    resolved = resolve(source)
    if resolved.driver == "SAFE":
        return _sar_layers(source, size, **opening)
    with resolved.environment(), open_raster(resolved) as dataset:
        check_readable(dataset, resolved.printable)
        role = role or _role_of(dataset, resolved)
        if role != "sar":
            return [_picture_layer(dataset, resolved, role, size)]
    return _sar_layers(source, size, **opening)


def _role_of(dataset: DatasetReader, source: Source) -> Role:
    bands = measurement_bands(dataset)
    if dataset.tags().get("GEOSAR_SYNTHETIC") == "YES":
        return "error" if len(bands) == 1 else "optical"
    if is_photograph(dataset) and not (len(bands) > 1 and bands_are_equal(dataset, bands, source.printable)):
        return "optical"
    descriptions = " ".join(text or "" for text in dataset.descriptions)
    return "optical" if len(bands) >= _COLOURS and not polarisations.named_in(descriptions) else "sar"


def _picture_layer(dataset: DatasetReader, source: Source, role: Role, size: int) -> Layer:
    """Return the layer of an optical image (true or synthetic), or of an expected error."""
    name = Path(source.printable).name
    grid = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
    with gdal_errors(source.printable, "Reading"):
        values, small = _read_small(dataset, name, role, _side(grid, size))
    # Bytes are shown as they are; reflectances from zero to the 99th percentile of all three bands.
    high = 255.0 if dataset.dtypes[0] == "uint8" else float(np.nanpercentile(values, WHITE_PERCENTILE))
    values, place = _placed(values, small, grid, size, name)
    notice = _notice(dataset.tags())
    if role == "error":
        picture, title, legend = coloured_error(values[0]), "Expected error", ERROR_LEGEND
    else:
        picture, legend = stretched(values, ((0.0, high),) * _COLOURS), None
        title = "Synthetic optical" if notice else "Optical"
    return Layer(role=role, name=title, detail=name, image=data_url(picture), legend=legend, notice=notice, **place)


def _read_small(dataset: DatasetReader, name: str, role: Role, side: int) -> tuple[Values, MapGrid]:
    """Read the bands to show, at most `side` pixels long and through overviews; NaN where a pixel is not real."""
    if ColorInterp.palette in dataset.colorinterp:
        raise SceneContentError(
            f"{name} has a colour table; expected bands. Expand it with `gdal_translate -expand rgb`."
        )
    bands = measurement_bands(dataset)[:1] if role == "error" else colour_bands(dataset)
    count = 1 if role == "error" else _COLOURS
    if len(bands) < count:
        has = len(measurement_bands(dataset))
        raise SceneContentError(f"{name} has {has} band(s); expected red, green and blue of an optical image.")
    shrink = max(1.0, max(dataset.shape) / side)
    height, width = (max(1, round(n / shrink)) for n in dataset.shape)
    read = dataset.read(
        list(bands), out_shape=(count, height, width), masked=True, resampling=Resampling.average, out_dtype="float32"
    )
    values: Values = read.filled(np.nan)
    if not np.isfinite(values).any():
        raise SceneContentError(f"{name} has no valid pixel: all is nodata or masked. There is nothing to show.")
    transform = dataset.transform @ Affine.scale(dataset.width / width, dataset.height / height)
    return values, MapGrid(dataset.crs, transform, width, height)


def _notice(tags: Mapping[str, str]) -> str | None:
    """Say what must always be told of a synthetic image."""
    if tags.get("GEOSAR_SYNTHETIC") != "YES":
        return None
    return synthetic_notice(tags.get("GEOSAR_SOURCE", "an unknown source"), tags.get("GEOSAR_MODEL", "that is unknown"))


def _sar_layers(source: SourceText | Mapping[str, SourceText], size: int, **opening: Any) -> list[Layer]:
    """Return a layer for each polarisation, stretched as the service does, from the 2nd to the 98th percentile."""
    with geosar.open_scene(source, **opening) as scene:
        block, small = scene.read_overview(_side(scene.grid, size))
        decibels = np.where(block.valid, to_decibel(block.values, scene.unit), np.float32(np.nan))
        values, place = _placed(decibels, small, scene.grid, size, _name_of(scene))
        shown = [(known.p02, known.p98) for known in scene.statistics]
        layers = [
            Layer(
                role="sar", name=sar_name(polarisation), detail=_detail(scene),
                legend=sar_legend(polarisation, scene.unit, *span),
                image=data_url(stretched(band[np.newaxis], (span,))), **place,
            )
            for polarisation, band, span in zip(scene.polarisations, values, shown, strict=True)
        ]  # fmt: skip
        if len(layers) == 2:
            layers.append(_composite(scene, values, shown, place))
    return layers


def _composite(scene: SarScene, values: Values, shown: list[tuple[float, float]], place: dict[str, Any]) -> Layer:
    """Show two polarisations in one colour picture, the ratio in blue: a difference, in decibel."""
    first, second = scene.polarisations
    ratio = values[:1] - values[1:]
    low, high = (float(value) for value in np.nanpercentile(ratio, SAR_PERCENTILES))
    picture = stretched(np.concatenate([values, ratio]), (*shown, (low, high)))
    detail = f"{_name_of(scene)}: red {first}, green {second}, blue {first} / {second}"
    return Layer(role="sar", name="SAR in colour", detail=detail, image=data_url(picture), **place)


def _name_of(scene: SarScene) -> str:
    return Path(scene.source.split(", ")[0]).name


def _detail(scene: SarScene) -> str:
    return _name_of(scene) + (f", {scene.acquired:%Y-%m-%d %H:%M} UTC" if scene.acquired else "")


def _side(grid: MapGrid, size: int) -> int:
    return size if grid.crs is None else size * _OVERREAD


def _placed(values: Values, small: MapGrid, grid: MapGrid, size: int, name: str) -> tuple[Values, dict[str, Any]]:
    """Bring what was read `small` of a raster on `grid` to the map; returns it, and where it lies there.

    In image space a degree is a pixel, and the raster stands on the equator: Leaflet counts upwards.
    """
    if grid.crs is None:
        place = {"bounds": ((0.0, 0.0), (float(grid.height), float(grid.width))), "georeferenced": False}
        return values, {**place, "shape": grid.shape}
    target = web_grid(grid, size, name)
    return warped(values, small, target), {"bounds": corners(target), "georeferenced": True, "shape": grid.shape}
