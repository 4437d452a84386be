"""Adding the service's layers to the project, and finding them on the map."""

from __future__ import annotations

from functools import partial
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QTimer

from ..antimeridian import boxes_on, trouble_with_tiles
from ..client.answers import Scene, Tiles
from ..client.messages import Flow, NotThereError
from ..client.service import Service, TranslateRequest
from ..connections import Connection
from ..layers import cog_layer, cog_source, part_of, set_time, xyz_layer
from ..words import tr

LEGEND_MILLISECONDS = 300


def tiles_of(
    service: Service, scene: Scene, layer: str, job: str = "", map_crs: QgsCoordinateReferenceSystem | None = None
) -> Flow[tuple[Tiles, str]]:
    """Ask where a layer's tiles are, and which model made it; raises NotThereError where a map cannot show them."""
    if not scene.georeferenced:
        words = tr("{0} has no place on the map, so it has no tiles. Save its result as a file.")
        raise NotThereError(words.format(scene.name))
    trouble = trouble_with_tiles(map_crs, scene) if map_crs is not None else ""
    if trouble:
        raise NotThereError(trouble)
    if layer == "sar":
        yield from service.prepared(scene.id)
    tiles = yield from service.tiles(scene.id, layer, job=job or None)
    return tiles, tiles.description.partition("; model ")[2]


def file_of(service: Service, scene: Scene, output: str, job: str = "") -> Flow[tuple[str, str, bytes]]:
    """Ask for the URL of the latest result's file, which model made it, and for its legend."""
    done = [job] if job else [one.id for one in (yield from service.jobs(scene.id)) if one.status == "successful"]
    if not done:
        words = tr("{0} has not been translated yet. Translate it first, or add the live layer.")
        raise NotThereError(words.format(scene.name))
    results = yield from service.results(done[0])
    for older in done[1:]:
        if output in results.queries:
            break
        results = yield from service.results(older)
    legend = yield from service.legend(scene.id, output)
    return service.result_url(results, output), results.model, legend


def add_tiles(connection: Connection, scene: Scene, answer: tuple[Tiles, str]) -> QgsRasterLayer:
    """Add a layer of tiles."""
    tiles, model = answer
    return added(xyz_layer(connection, tiles, scene.name, model), scene)


def add_file(scene: Scene, output: str, answer: tuple[str, str, bytes], *, here: bool = False) -> QgsRasterLayer:
    """Add a file that stays on the service, or lies here; raises NotThereError when it cannot be opened."""
    url, model, legend = answer
    layer = cog_layer(url if here else cog_source(url), scene.name, output, model, legend)
    if not layer.isValid():
        raise NotThereError(
            tr("The file on the service cannot be opened from here. Its tiles (XYZ) may work nonetheless.")
        )
    return added(layer, scene)


def added(layer: QgsRasterLayer, scene: Scene) -> QgsRasterLayer:
    """Put a layer of a scene on top of the project's, at its time and with its legend open."""
    set_time(layer, scene.acquired)
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    project.layerTreeRoot().insertLayer(0, layer)
    # QGIS folds the legend of tiles when it has been drawn for the first time.
    QTimer.singleShot(LEGEND_MILLISECONDS, partial(unfold, layer.id()))
    return layer


def unfold(identifier: str) -> None:
    """Open the legend of a layer, where the layer is still there."""
    node = QgsProject.instance().layerTreeRoot().findLayer(identifier)
    if node is not None:
        node.setExpanded(False)  # the node may believe that it is open
        node.setExpanded(True)


def request_of_view(canvas: Any, scene: Scene, model: str = "") -> TranslateRequest:
    """Ask for the part of a scene that the map shows; raises ClientError where it shows nothing of it."""
    if not seen(canvas, scene):
        raise NotThereError(tr("The map shows nothing of {0}. Double-click it to zoom there.").format(scene.name))
    box, crs = part_of(canvas.extent(), canvas.mapSettings().destinationCrs())
    return TranslateRequest(model=model, box=box, crs=crs)


def seen(canvas: Any, scene: Scene) -> bool:
    """Whether the map shows something of a scene."""
    if scene.bbox is None:
        return False
    boxes = boxes_on(canvas.mapSettings().destinationCrs(), scene)
    return any(canvas.extent().intersects(box) for box in boxes)


def show(canvas: Any, scene: Scene) -> None:
    """Bring the scene into view."""
    if scene.bbox is not None:
        box = box_on(canvas, scene)
        box.scale(1.05)
        canvas.setExtent(box)
        canvas.refresh()


def show_if_away(canvas: Any, scene: Scene) -> None:
    """Bring the scene into view where nothing of it is seen."""
    if not seen(canvas, scene):
        show(canvas, scene)


def box_on(canvas: Any, scene: Scene) -> QgsRectangle:
    """Return a scene's box in the CRS of the map; its larger half where the map ends at the antimeridian in it."""
    return boxes_on(canvas.mapSettings().destinationCrs(), scene)[0]
