"""How a raster without a map grid comes to lie on one: which of what it says of its place is used."""

from rasterio.io import DatasetReader

from geosar.errors import SceneContentError
from geosar.scene import safe, warp
from geosar.scene.request import Request
from geosar.scene.source import Source
from geosar.scene.warp import Placed


def placed(
    dataset: DatasetReader,
    request: Request,
    source: Source,
    measurement: safe.Measurement | None = None,
    like: Placed | None = None,
) -> Placed | None:
    """Place a dataset by its control points, or, where heights are given, by the geometry of its `measurement`.

    What another image of the product (`like`) is placed by holds for this one too, where the points are the same.
    Returns None where it has a map grid, or nothing says where it lies. Raises `SceneContentError` where heights are
    given and cannot be used.
    """
    elevation = request.elevation
    if dataset.crs is not None or not dataset.gcps[0]:
        if elevation is not None:
            raise _no_geometry(source.printable)
        return None
    if like is not None and like.points == warp.points_of(dataset):
        return like
    by_points = warp.by_control_points(dataset, request.crs(), request.resolution)
    if elevation is None:
        return by_points
    if measurement is None:
        raise _no_geometry(source.printable)
    geometry = safe.geometry(source, measurement)
    return warp.by_terrain(by_points, geometry, elevation.on(by_points.grid), elevation.words)


def _no_geometry(printable: str) -> SceneContentError:
    return SceneContentError(
        f"{printable} says nothing of orbit and timing, so it cannot be corrected for terrain; expected a Sentinel-1 "
        "GRD product as SAFE folder or zip. Give that, or leave out the elevation model (--dem): a scene that lies on "
        "a map grid may have been corrected already.",
    )
