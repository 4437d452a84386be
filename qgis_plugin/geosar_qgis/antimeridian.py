"""Scenes across the antimeridian: where they lie on a map, and on which maps QGIS can show their tiles."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProject, QgsRectangle

from .client.answers import Box, Scene
from .layers import MERCATOR, to_mercator
from .words import tr


def boxes_on(crs: QgsCoordinateReferenceSystem, scene: Scene) -> list[QgsRectangle]:
    """Return a scene's box in the CRS of a map; two where the map ends at the antimeridian in it, the larger first."""
    west, south, east, north = scene.bbox or (-180, -85, 180, 85)
    if west <= east:
        return [_box_in(crs, (west, south, east, north))]
    halves = [_box_in(crs, half) for half in ((west, south, 180.0, north), (-180.0, south, east, north))]
    both = QgsRectangle(halves[0])
    both.combineExtentWith(halves[1])
    width = sum(half.width() for half in halves)
    return [both] if both.width() < 2 * width else sorted(halves, key=lambda half: half.width(), reverse=True)


def trouble_with_tiles(crs: QgsCoordinateReferenceSystem, scene: Scene) -> str:
    """
    Say why tiles of a scene cannot be shown on a map in this CRS, "" where they can.

    Tiles lie in Web Mercator, which ends at the antimeridian. On a map that goes on there QGIS asks for those of the
    whole way around the Earth, and does not come to an end.
    """
    if scene.bbox is None or scene.bbox[0] <= scene.bbox[2] or len(boxes_on(crs, scene)) > 1:
        return ""
    words = tr(
        "{0} lies on both sides of 180 degrees, where QGIS cannot show tiles on a map in {1}. Choose EPSG:3857 as the "
        "CRS of the project, or add the synthetic image as COG."
    )
    return words.format(scene.name, crs.authid() or crs.description())


def _box_in(crs: QgsCoordinateReferenceSystem, box: Box) -> QgsRectangle:
    mercator = to_mercator(box)
    if not crs.isValid():
        return mercator
    way = QgsCoordinateTransform(QgsCoordinateReferenceSystem(MERCATOR), crs, QgsProject.instance())
    return way.transformBoundingBox(mercator)
