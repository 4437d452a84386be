"""What the algorithms share: the connection, carrying out conversations with progress, and results with words."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingParameterAuthConfig,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterString,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QIcon

from .. import connections
from ..antimeridian import trouble_with_tiles
from ..client.answers import Results, Scene, Tiles
from ..client.messages import CancelledError, ClientError, Flow, Progress, T
from ..client.service import Service, TranslateRequest, completed, title_of
from ..export import Source, source_of
from ..layers import cog_layer, cog_source, dress, set_time, xyz_layer
from ..lifetime import closing
from ..network import carry_out
from ..words import tr

FOLDER = Path(__file__).parents[1]
POLARISATIONS = ("", "VV", "VH", "HH", "HV", "VV,VH", "HH,HV")
UNITS = ("", "db", "power", "amplitude", "dn", "picture")
TELL_SECONDS = 0.5
_KEPT: deque[Any] = deque(maxlen=64)
"""QGIS keeps no reference to a post-processor made in Python."""


class GeosarAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that talks with a service."""

    CONNECTION, AUTHCFG = "CONNECTION", "AUTHCFG"

    def __init__(self) -> None:
        super().__init__()
        self.connection = connections.Connection("", "")
        self.service = Service("")

    def createInstance(self) -> QgsProcessingAlgorithm:
        """Make another of the kind."""
        return type(self)()

    def group(self) -> str:
        """Return no group: there are few."""
        return ""

    def groupId(self) -> str:
        """Return no group."""
        return ""

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(FOLDER / "icon.svg"))

    def svgIconPath(self) -> str:
        """Return the icon's file."""
        return str(FOLDER / "icon.svg")

    def helpUrl(self) -> str:
        """Return the URL of the manual."""
        return "https://github.com/geosar/geosar/blob/main/docs/qgis.md"

    def add_connection(self) -> None:
        """Add the parameters that say which service is meant."""
        names = [one.name for one in connections.saved()]
        chosen = connections.current()
        connection = QgsProcessingParameterString(
            self.CONNECTION,
            tr("Service (name of a connection, or a URL)"),
            defaultValue=chosen.name if chosen else "http://127.0.0.1:8000",
        )
        connection.setMetadata({"widget_wrapper": {"value_hints": names}} if names else {})
        connection.setHelp(tr("Connections are made in the panel SAR to optical."))
        self.addParameter(connection)

    def add_authcfg(self) -> None:
        """Add the authentication configuration, for a URL instead of a connection."""
        self.add_advanced(
            QgsProcessingParameterAuthConfig(
                self.AUTHCFG, tr("Authentication, instead of that of the connection"), optional=True
            )
        )

    def add_advanced(self, parameter: QgsProcessingParameterDefinition) -> None:
        """Add a parameter that few need."""
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def add_choice(self, name: str, label: str, values: tuple[str, ...]) -> None:
        """Add an advanced choice of words, of which the first is to leave it to the service."""
        shown = [value or tr("as the file says") for value in values]
        self.add_advanced(QgsProcessingParameterEnum(name, label, shown, defaultValue=0))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, _feedback: QgsProcessingFeedback
    ) -> bool:
        """Find the connection and open the authentication database, on the main thread."""
        text = self.parameterAsString(parameters, self.CONNECTION, context)
        authcfg = self.parameterAsString(parameters, self.AUTHCFG, context)
        try:
            self.connection = connections.find(text, authcfg)
        except ClientError as error:
            raise QgsProcessingException(str(error)) from error
        self.service = Service(self.connection.url)
        if not connections.unlock(self.connection.authcfg):
            raise QgsProcessingException(tr("The authentication database stays locked without its master password."))
        return True

    def source(self, parameters: dict[str, Any], key: str, context: QgsProcessingContext, bands: list[int]) -> Source:
        """Say how the layer of a parameter is sent."""
        layer = self.parameterAsRasterLayer(parameters, key, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, key))
        try:
            return source_of(layer, tuple(bands))
        except ClientError as error:
            raise QgsProcessingException(str(error)) from error

    def carry_out(self, flow: Flow[T], feedback: QgsProcessingFeedback) -> T:
        """Carry out a conversation; what goes wrong becomes QGIS's own error, in words."""
        try:
            return carry_out(flow, self.connection, feedback.isCanceled)
        except CancelledError as error:
            raise QgsProcessingException(tr("Stopped. Nothing was written.")) from error
        except ClientError as error:
            raise QgsProcessingException(str(error)) from error

    def translated(
        self, scene: Scene, request: TranslateRequest, feedback: QgsProcessingFeedback, progress: Progress
    ) -> Results:
        """Translate a scene, wait, and tell what the service noted."""
        results = self.carry_out(completed(self.service, scene.id, request, progress, closing), feedback)
        for line in results.notes:
            feedback.pushInfo(line)
        for line in results.warnings:
            feedback.pushWarning(line)
        return results

    def download(
        self, results: Results, output: str, path: str, feedback: QgsProcessingFeedback, progress: Progress
    ) -> None:
        """Download a file of a job."""
        target = Path(path)
        if not target.parent.is_dir():
            raise QgsProcessingException(tr("There is no folder {0}.").format(target.parent))
        url = self.service.result_url(results, output)
        self.carry_out(self.service.download(url, target, progress), feedback)

    def dress_output(self, context: QgsProcessingContext, path: str, dresser: Dresser) -> None:
        """Have a downloaded file dressed, where it is to be loaded."""
        if path and context.willLoadLayerOnCompletion(path):
            details = context.layerToLoadOnCompletionDetails(path)
            details.name = dresser.name
            details.forceName = True
            _KEPT.append(dresser)
            details.setPostProcessor(dresser)

    def add_tiles(
        self, context: QgsProcessingContext, tiles: Tiles, scene: Scene, model: str, feedback: QgsProcessingFeedback
    ) -> None:
        """Have a layer of tiles added to the project, or say why its map cannot show them."""
        project = context.project()
        trouble = trouble_with_tiles(project.crs(), scene) if project is not None else ""
        if trouble:
            feedback.pushWarning(trouble)
            return
        self._add(context, xyz_layer(self.connection, tiles, scene.name, model), scene)

    def add_remote(
        self, context: QgsProcessingContext, results: Results, output: str, scene: Scene, legend: bytes
    ) -> None:
        """Have a file that stays on the service added to the project."""
        source = cog_source(self.service.result_url(results, output))
        self._add(context, cog_layer(source, scene.name, output, results.model, legend), scene)

    def _add(self, context: QgsProcessingContext, layer: QgsRasterLayer, scene: Scene) -> None:
        set_time(layer, scene.acquired)
        context.temporaryLayerStore().addMapLayer(layer)
        details = QgsProcessingContext.LayerDetails(layer.name(), context.project(), layer.name())
        details.forceName = True
        context.addLayerToLoadOnCompletion(layer.id(), details)


class Dresser(QgsProcessingLayerPostProcessorInterface):
    """Gives a result its name, style, legend and words once it is loaded."""

    def __init__(self, scene: Scene, output: str, model: str, legend: bytes = b"") -> None:
        super().__init__()
        self.name = title_of(scene.name, output, model)
        self._output, self._model, self._legend, self._acquired = output, model, legend, scene.acquired

    def postProcessLayer(self, layer: Any, _context: QgsProcessingContext, _feedback: QgsProcessingFeedback) -> None:
        """Dress it."""
        if isinstance(layer, QgsRasterLayer):
            layer.setName(self.name)
            dress(layer, self._output, self._model, self._legend)
            set_time(layer, self._acquired)
            layer.triggerRepaint()


def stage(feedback: QgsProcessingFeedback, begin: float, end: float) -> Progress:
    """Return a function that tells the progress of a part of the work, from `begin` to `end` per cent of the whole."""
    last: tuple[float, str] = (0.0, "")

    def tell(share: float, words: str) -> None:
        nonlocal last
        feedback.setProgress(begin + (end - begin) * min(1.0, max(0.0, share)))
        now = time.monotonic()
        kind = words.partition(",")[0]
        if words and (kind != last[1] or now - last[0] > TELL_SECONDS):
            last = (now, kind)
            feedback.setProgressText(words)

    return tell
