"""Upload: a raster layer becomes a scene of the service."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from ..client.answers import Scene, Tiles
from ..news import NEWS
from ..words import tr
from .base import stage
from .sending import SendingAlgorithm


class UploadAlgorithm(SendingAlgorithm):
    """Send a layer to the service."""

    NAME, ADD_SAR, ADD_LIVE, SCENE_ID = "NAME", "ADD_SAR", "ADD_LIVE", "SCENE_ID"

    def __init__(self) -> None:
        super().__init__()
        self._sent: tuple[Scene, list[Tiles]] | None = None

    def name(self) -> str:
        """Return the id."""
        return "upload"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return tr("Upload")

    def shortHelpString(self) -> str:
        """Say what it does."""
        return tr(
            "Sends a SAR image to the service, where it can be viewed, and translated on the fly or as a whole. "
            "The same content sent twice is one scene.\n\n"
            "A layer that is no GeoTIFF, PNG, JPEG or zip of a SAFE product on this computer is copied first. Two "
            "polarisations in two layers, such as scene_vv.tif and scene_vh.tif, go as one scene: give the second, too."
        )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.add_input()
        self.add_connection()
        self.addParameter(
            QgsProcessingParameterString(self.NAME, tr("Name (default: that of the layer)"), optional=True)
        )
        self.addParameter(
            QgsProcessingParameterBoolean(self.ADD_SAR, tr("Add the tiles of the SAR image"), defaultValue=False)
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.ADD_LIVE, tr("Add the live layer, translated on the fly"), defaultValue=False
            )
        )
        self.add_input_details()
        self.add_authcfg()
        self.addOutput(QgsProcessingOutputString(self.SCENE_ID, tr("Scene")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it, in a worker thread."""
        name = self.parameterAsString(parameters, self.NAME, context).strip()
        scene = self.sent(parameters, context, feedback, 90, name)
        options = {"sar": self.ADD_SAR, "live": self.ADD_LIVE}
        layers = [layer for layer, key in options.items() if self.parameterAsBoolean(parameters, key, context)]
        if "sar" in layers:
            scene = self.carry_out(self.service.prepared(scene.id, stage(feedback, 90, 100)), feedback)
        tiles = [
            self.carry_out(self.service.tiles(scene.id, layer), feedback) for layer in layers if scene.georeferenced
        ]
        self._sent = (scene, tiles)
        return {self.SCENE_ID: scene.id}

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Make the layers, on the main thread."""
        NEWS.changed.emit(self.connection.url)
        if self._sent is not None:
            scene, tiles = self._sent
            for one in tiles:
                self.add_tiles(context, one, scene, "", feedback)
        return {}
