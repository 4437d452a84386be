"""Layers of the service in QGIS: tiles and files, named, styled and described as what they are."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from qgis.core import (
    Qgis,
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDateTimeRange,
    QgsLayerMetadata,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsRasterRenderer,
    QgsRasterShader,
    QgsRectangle,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtCore import QDateTime, Qt
from qgis.PyQt.QtGui import QColor

from .client.answers import SYNTHETIC, Box, Tiles
from .client.messages import ClientError
from .client.service import TILED, title_of
from .client.urls import VSICURL, tile_template, xyz_uri
from .connections import Connection
from .export import is_alpha
from .words import tr

STATEMENT = "Synthetic optical image made from SAR; not an observation"
STATEMENTS = {
    "optical": STATEMENT,
    "error": f"Expected absolute error, 0 to 255, of a {STATEMENT[0].lower()}{STATEMENT[1:]}",
    "despeckled": "Backscatter with its speckle filtered: estimated from the observation, not synthetic",
}
"""What the files of a job are."""
MERCATOR, DEGREES = "EPSG:3857", "EPSG:4326"
MARK = "geosar/layer"
"""Custom property of our layers: which of the service's layers it shows."""
ERROR_SHOWN = 64
"""Expected errors at which the colours end, of 255; as in the service's own tiles."""
MAGMA = ("#000004", "#180f3e", "#451077", "#721f81", "#9f2f7f", "#cd4071", "#f1605d", "#fd9567", "#fec98d", "#fcfdbf")


def xyz_layer(connection: Connection, tiles: Tiles, scene_name: str, model: str = "") -> QgsRasterLayer:
    """Make a layer of tiles, with the zooms and the extent that the service tells."""
    layer = QgsRasterLayer(xyz_source(connection, tiles), title_of(scene_name, tiles.layer, model, TILED), "wms")
    set_box(layer, tiles.bounds)
    describe(layer, tiles.layer, tiles.description)
    set_legend(layer, tiles.legend)
    return layer


def xyz_source(connection: Connection, tiles: Tiles) -> str:
    """Return the source of a layer of tiles.

    A URL that is signed opens by itself, also for whom one sends it to.
    """
    template = tile_template(connection.url, tiles.scene, tiles.layer, tiles.query)
    return xyz_uri(template, tiles.minzoom, tiles.maxzoom, "" if tiles.signed else connection.authcfg)


def set_box(layer: QgsRasterLayer, bounds: tuple[float, float, float, float]) -> None:
    """Say where tiles lie (west, south, east, north in degrees); the provider takes them to cover the Earth."""
    layer.setCustomProperty("geosar/bounds", ",".join(map(repr, bounds)))
    layer.setExtent(to_mercator(bounds))


def to_mercator(bounds: tuple[float, float, float, float]) -> QgsRectangle:
    """Bring a box from degrees to Web Mercator; over the antimeridian it is the whole width."""
    west, south, east, north = bounds
    if west > east or east > 180.0:
        west, east = -180.0, 180.0
    limit = 85.0511
    box = QgsRectangle(west, max(south, -limit), east, min(north, limit))
    way = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(DEGREES), QgsCoordinateReferenceSystem(MERCATOR), QgsProject.instance()
    )
    return way.transformBoundingBox(box)


def to_degrees(box: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> tuple[float, float, float, float] | None:
    """Bring a box of a map to degrees; None where it has no place there."""
    way = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem(DEGREES), QgsProject.instance())
    way.setBallparkTransformsAreAppropriate(True)
    try:
        degrees = way.transformBoundingBox(box)
    except QgsCsException:
        return None
    if degrees.isEmpty() or not degrees.isFinite():
        return None
    return (
        max(degrees.xMinimum(), -180.0), max(degrees.yMinimum(), -90.0), min(degrees.xMaximum(), 180.0),
        min(degrees.yMaximum(), 90.0),
    )  # fmt: skip


def part_of(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> tuple[Box, str]:
    """Return a part of the map as a translation takes it: a box, and its CRS; in degrees ("") where that has no code.

    Raises ClientError where the map's CRS has no place on the Earth.
    """
    if crs.authid().startswith("EPSG:"):
        return (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()), crs.authid()
    box = to_degrees(extent, crs)
    if box is None:
        raise ClientError(tr("What the map shows has no place on the Earth. Choose a CRS for the project."))
    return box, ""


def cog_source(url: str) -> str:
    """Return the source of a file that stays on the service and is read piece by piece."""
    # No listing of folders and no search for files beside it: the service has neither.
    return f"{VSICURL[:-1]}?empty_dir=yes&max_retry=3&retry_delay=1&url={quote(url, safe='')}"


def cog_layer(source: str, scene_name: str, layer_name: str, model: str = "", legend: bytes = b"") -> QgsRasterLayer:
    """Make a layer of a result's file, on the service (see `cog_source`) or here."""
    layer = QgsRasterLayer(source, title_of(scene_name, layer_name, model), "gdal")
    dress(layer, layer_name, model, legend)
    return layer


def dress(layer: QgsRasterLayer, layer_name: str, model: str = "", legend: bytes = b"") -> None:
    """Give a result's file its style, its legend and its words."""
    if layer_name == "error" and layer.isValid():
        layer.setRenderer(error_renderer(layer))  # its legend is QGIS's own
    elif layer_name == "despeckled" and layer.isValid():
        show_grey(layer)  # the same
    else:
        set_legend(layer, legend)
    what = STATEMENTS[layer_name]
    describe(layer, layer_name, f"{what}; model {model}" if model else what)


def set_time(layer: QgsRasterLayer, acquired: str | None) -> None:
    """Say when a scene was acquired (ISO 8601), so that QGIS's temporal controller shows the layer at its time."""
    time = QDateTime.fromString(acquired or "", Qt.DateFormat.ISODate)
    if not time.isValid():
        return
    properties = layer.temporalProperties()
    properties.setMode(Qgis.RasterTemporalMode.FixedTemporalRange)
    properties.setFixedTemporalRange(QgsDateTimeRange(time, time))
    properties.setIsActive(True)


def set_legend(layer: QgsRasterLayer, picture: bytes) -> None:
    """Show a picture (PNG) as the layer's legend, in the layer tree and in layouts; it is kept in the project."""
    if picture:
        layer.setLegendPlaceholderImage(f"base64:{b64encode(picture).decode('ascii')}")


def error_renderer(layer: QgsRasterLayer) -> QgsSingleBandPseudoColorRenderer:
    """Colour the expected error as the service's tiles do: magma, from 0 to ERROR_SHOWN."""
    items = []
    for number, colour in enumerate(MAGMA):
        value = ERROR_SHOWN * number / (len(MAGMA) - 1)
        items.append(QgsColorRampShader.ColorRampItem(value, QColor(colour), f"{value:.0f}"))
    items[-1].label = tr("{0} of 255 and more").format(ERROR_SHOWN)
    ramp = QgsColorRampShader(0, ERROR_SHOWN)
    ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
    ramp.setColorRampItemList(items)
    shader = QgsRasterShader(ERROR_SHOWN)
    shader.setRasterShaderFunction(ramp)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setClassificationMin(0)
    renderer.setClassificationMax(ERROR_SHOWN)
    show_mask(layer, renderer)
    return renderer


def show_grey(layer: QgsRasterLayer) -> None:
    """Show the first polarisation from black to white, between the percentiles that QGIS's options say."""
    renderer = QgsSingleBandGrayRenderer(layer.dataProvider(), 1)
    show_mask(layer, renderer)
    layer.setRenderer(renderer)
    layer.setContrastEnhancement(
        QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum,
        QgsRasterMinMaxOrigin.Limits.CumulativeCut,
    )


def show_mask(layer: QgsRasterLayer, renderer: QgsRasterRenderer) -> None:
    """Leave out what a file's mask leaves out, which QGIS has as a band of its own."""
    provider = layer.dataProvider()
    masks = [band for band in range(1, provider.bandCount() + 1) if is_alpha(provider, band)]
    if masks:
        renderer.setAlphaBand(masks[0])


def describe(layer: QgsRasterLayer, layer_name: str, text: str) -> None:
    """Write into the layer what it is: abstract, attribution, keywords; kept in the project and in exports."""
    layer.setCustomProperty(MARK, layer_name)
    metadata = QgsLayerMetadata(layer.metadata())
    metadata.setTitle(layer.name())
    metadata.setAbstract(text)
    metadata.setRights([text])
    if layer_name in SYNTHETIC:
        metadata.setKeywords({"gmd:topicCategory": ["imageryBaseMapsEarthCover"], "geosar": ["synthetic", "SAR"]})
    layer.setMetadata(metadata)
    # What a map's copyright label and QGIS Server show; at another place since QGIS 3.38.
    server = layer.serverProperties()
    shown = server if hasattr(server, "setAbstract") else layer
    shown.setTitle(layer.name())
    shown.setAbstract(text)
    shown.setAttribution(text)
