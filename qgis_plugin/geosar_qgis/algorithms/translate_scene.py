"""Translate on the server: a scene that the service has already."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from ..client.service import found_by_name
from ..words import tr
from .translate import TranslatingAlgorithm


class TranslateSceneAlgorithm(TranslatingAlgorithm):
    """Translate a scene of the service."""

    SCENE = "SCENE"

    def name(self) -> str:
        """Return the id."""
        return "translatescene"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return tr("Translate on the server")

    def shortHelpString(self) -> str:
        """Say what it does."""
        return tr(
            "Translates a scene that the service has already; nothing is sent. The result can be shown from there as "
            "tiles, or fetched as a file.\n\n"
            "<b>The result is synthetic: a guess of a network, not an observation.</b>\n\n"
            "Scene: its id, or its name where only one scene has it. List scenes gives both. The same request twice is "
            "one job: its result is there at once."
        )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.addParameter(QgsProcessingParameterString(self.SCENE, tr("Scene (id or name)")))
        self.add_connection()
        self.add_options()
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.MATCH, tr("Match the tone of the true optical image that the scene has on the service"),
                defaultValue=False,
            )
        )  # fmt: skip
        self.add_authcfg()
        self.add_outputs(file_by_default=False)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it, in a worker thread."""
        text = self.parameterAsString(parameters, self.SCENE, context)
        scene = self.carry_out(found_by_name(self.service, text), feedback)
        return self.make(scene, parameters, context, feedback, 2)
