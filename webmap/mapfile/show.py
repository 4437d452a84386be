"""`geosar.show`: the map of a scene, for a notebook or a file."""

from collections.abc import Mapping
from typing import Any

from geosar.errors import UsageError
from geosar_webmap.mapfile.layers import Layer, Role
from geosar_webmap.mapfile.reading import SourceText, read_layers
from geosar_webmap.mapfile.sar_map import SarMap
from geosar_webmap.mapfile.service import tile_layers

SIZE = 2048
LARGEST = 8192


def show(
    sar: SourceText | Mapping[str, SourceText],
    optical: SourceText | None = None,
    error: SourceText | None = None,
    *,
    reference: SourceText | None = None,
    service: str | None = None,
    key: str | None = None,
    size: int = SIZE,
    title: str | None = None,
    basemap: str | None = None,
    attribution: str | None = None,
    **opening: Any,
) -> SarMap:
    """
    Make a map of a SAR scene, its translation and the expected error; a notebook shows it.

    Parameters
    ----------
    sar
        What `geosar.open_scene` takes; with `service`, the identifier of a scene there.
    optical, error
        The translated image (or a true one), and its expected error.
    reference
        A true optical image, to compare with.
    service, key
        URL of a running service, such as ``"http://127.0.0.1:8000"``, and an API key if it wants one: the map then
        shows tiles, at full resolution, as long as the service runs.
    size
        Longest side of each picture in pixels, 64 to 8192.
    title, basemap, attribution
        Heading of the layers' panel; an XYZ URL or a provider's name (needs the network), and what its makers
        want on the map.
    opening
        Further arguments of `geosar.open_scene`: polarisation, scale, force.

    Returns
    -------
    A folium map; `.write(path)` saves it as one file that needs no network, unless there are tiles.

    Raises
    ------
    GeosarError
        What went wrong: a missing file, layers that do not overlap, a service that does not answer.

    """
    check_size(size)
    look: dict[str, Any] = {"basemap": basemap, "attribution": attribution}
    if service is not None:
        if any(source is not None for source in (optical, error, reference)) or not isinstance(sar, str):
            raise UsageError("With a service, give the identifier of one of its scenes and no files.")
        name, tiles = tile_layers(service, sar, key=key)
        return SarMap(tiles, title=title or name, zoom_snap=1, zoom_delta=1, **look)
    layers = read_layers(sar, size, "sar", **opening)
    others: tuple[tuple[SourceText | None, Role], ...]
    others = ((optical, "optical"), (reference, "optical"), (error, "error"))
    for source, role in others:
        if source is not None:
            layers += read_layers(source, size, role)
    return SarMap(layers, title=title or title_of(layers), **look)


def title_of(layers: list[Layer]) -> str:
    """Return the name of the first file, without its extension, as heading."""
    name = layers[0].detail.split(", ")[0]
    return name.rpartition(".")[0] or name


def check_size(size: int) -> None:
    """Raise UsageError for a size that makes no picture, or one that no browser likes."""
    if not 64 <= size <= LARGEST:
        raise UsageError(f"The size is {size} pixels; expected 64 to {LARGEST} for the longer side.")
