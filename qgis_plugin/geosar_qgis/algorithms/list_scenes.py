"""List scenes: what the service has, as outlines on the map."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterString,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, QVariant

from ..client.answers import Scene
from ..words import tr
from .base import GeosarAlgorithm

FIELDS = ("id", "name", "filename", "acquired", "created", "polarisations", "layers")
NEW = Qgis.QGIS_VERSION_INT >= 33800
"""Fields are declared by Qt's own types since QGIS 3.38; the others are gone with Qt 6."""
TEXT, NUMBER = (QMetaType.Type.QString, QMetaType.Type.LongLong) if NEW else (QVariant.String, QVariant.LongLong)
NUMBERS = ("width", "height", "size")


class ListScenesAlgorithm(GeosarAlgorithm):
    """List the scenes of the service."""

    EXTENT, TEXT, OUTPUT, COUNT = "EXTENT", "TEXT", "OUTPUT", "COUNT"

    def name(self) -> str:
        """Return the id."""
        return "listscenes"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return tr("List scenes")

    def shortHelpString(self) -> str:
        """Say what it does."""
        return tr(
            "Lists the scenes of the service, the newest first, as a layer of their boxes with id, name, dates, "
            "polarisations, layers, and size in pixels and bytes. A scene without georeference has no geometry."
        )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.add_connection()
        self.addParameter(QgsProcessingParameterExtent(self.EXTENT, tr("Only those that meet"), optional=True))
        self.addParameter(QgsProcessingParameterString(self.TEXT, tr("Part of the name"), optional=True))
        self.add_authcfg()
        self.addParameter(
            QgsProcessingParameterFeatureSink(self.OUTPUT, tr("Scenes"), QgsProcessing.SourceType.TypeVectorPolygon)
        )
        self.addOutput(QgsProcessingOutputNumber(self.COUNT, tr("How many")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it, in a worker thread."""
        degrees = QgsCoordinateReferenceSystem("EPSG:4326")
        extent = self.parameterAsExtent(parameters, self.EXTENT, context, degrees)
        box = None
        if not extent.isNull() and not extent.isEmpty():
            box = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        text = self.parameterAsString(parameters, self.TEXT, context).strip()
        scenes = self.carry_out(self.service.scenes(box, text), feedback)
        fields = QgsFields()
        for name in FIELDS:
            fields.append(QgsField(name, TEXT))
        for name in NUMBERS:
            fields.append(QgsField(name, NUMBER))
        sink, destination = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, QgsWkbTypes.Type.Polygon, degrees
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        for scene in scenes:
            sink.addFeature(feature_of(scene, fields), QgsFeatureSink.Flag.FastInsert)
            feedback.pushInfo(f"{scene.id}  {scene.name}")
        return {self.OUTPUT: destination, self.COUNT: len(scenes)}


def feature_of(scene: Scene, fields: QgsFields) -> QgsFeature:
    """Make a scene's row."""
    feature = QgsFeature(fields)
    if scene.bbox is not None:
        west, south, east, north = scene.bbox
        east += 360 * (east < west)  # the antimeridian is in it
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, south, east, north)))
    lists = {"polarisations": ",".join(scene.polarisations), "layers": ",".join(scene.layers)}
    feature.setAttributes([lists.get(name, getattr(scene, name)) for name in (*FIELDS, *NUMBERS)])
    return feature
