"""How a raster without a map grid comes to lie on one: which of what it says of its place is used."""

from dataclasses import replace

from rasterio.io import DatasetReader

from geosar.errors import GeosarError, SceneContentError, UsageError
from geosar.scene import safe, ways
from geosar.scene.height_files import NoCoverError
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
    """Place a dataset by its control points or polynomials, or by heights and the geometry of its `measurement`.

    What another image of the product (`like`) is placed by holds for this one too, where the points are the same.
    Returns None where it has a map grid, or nothing says where it lies. Raises `SceneContentError` where heights are
    given and cannot be used; where they are optional, it is placed without them, in words.
    """
    elevation = request.elevation
    if request.in_pixels:
        if dataset.crs is not None:
            raise UsageError(f"{source.printable} lies on a map grid; image space is for those that lie on none.")
        return None
    try:
        return _placed(dataset, request, source, measurement, like)
    except GeosarError as error:
        if elevation is None or not elevation.optional:
            raise
        without = _placed(dataset, replace(request, elevation=None), source, measurement, like)
        if without is None:
            return None
        why = "covers no part of it" if isinstance(error, NoCoverError) else f"could not be used: {error}"
        words = f"{without.words} It is not corrected for terrain: the elevation model {elevation.name} {why}"
        return replace(without, words=elevation.without_paths(words).rstrip(".") + ".")


def _placed(
    dataset: DatasetReader,
    request: Request,
    source: Source,
    measurement: safe.Measurement | None,
    like: Placed | None,
) -> Placed | None:
    elevation = request.elevation
    if request.radiometric and (measurement is None or measurement.calibration is None):
        raise UsageError(
            f"{source.printable} has no orbit and no tables of calibration, so its brightness cannot be corrected for "
            "slopes (--radiometric); expected a Sentinel-1 GRD product as SAFE folder or zip.",
        )
    if dataset.crs is None and not dataset.gcps[0] and dataset.rpcs is not None:
        level, anywhere = ways.by_polynomials(dataset, request.crs(), request.resolution)
        return level if elevation is None else ways.over(anywhere, elevation.on(level.grid), elevation.words)
    if dataset.crs is not None or not dataset.gcps[0]:
        if elevation is not None:
            raise _no_geometry(source.printable)
        return None
    if like is not None and like.points == ways.points_of(dataset):
        return like
    by_points = ways.by_control_points(dataset, request.crs(), request.resolution, request.own_crs())
    if elevation is None:
        return by_points
    if measurement is None:
        raise _no_geometry(source.printable)
    geometry = safe.geometry(source, measurement)
    heights = elevation.on(by_points.grid)
    return ways.by_terrain(by_points, geometry, heights, elevation, radiometric=request.radiometric)


def _no_geometry(printable: str) -> SceneContentError:
    return SceneContentError(
        f"{printable} says nothing of orbit and timing, so it cannot be corrected for terrain; expected a Sentinel-1 "
        "GRD product as SAFE folder or zip, or a raster with rational polynomials (RPC). Give that, or leave out the "
        "elevation model (--dem): a scene that lies on a map grid may have been corrected already.",
    )
