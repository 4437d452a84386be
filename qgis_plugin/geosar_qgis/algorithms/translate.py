"""Translate: a raster layer goes to the service and comes back as a synthetic optical image."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..client.answers import Results, Scene, Tiles
from ..client.service import TranslateRequest
from ..export import Source
from ..news import NEWS
from ..words import tr
from .base import Dresser, GeosarAlgorithm, stage
from .sending import SendingAlgorithm, copied, is_given

XYZ_OPTICAL, XYZ_ERROR, COG, XYZ_DESPECKLED = range(4)


@dataclass(frozen=True)
class Outputs:
    """What a run has made: paths of files here by what they hold, and what is to be added of the service."""

    scene: Scene
    results: Results
    files: dict[str, str]
    tiles: list[Tiles]
    with_remote: bool
    legend: bytes
    """Of the synthetic image."""


class TranslatingAlgorithm(GeosarAlgorithm):
    """What translating a layer and translating a scene of the service share: the request, and what comes of it."""

    MATCH, OPTICAL = "MATCH", "OPTICAL"
    MODEL, EXTENT, ERROR_BAND, DESPECKLE, RESAMPLE = "MODEL", "EXTENT", "ERROR_BAND", "DESPECKLE", "RESAMPLE"
    ADD, OUTPUT, ERROR, DESPECKLED = "ADD", "OUTPUT", "ERROR", "DESPECKLED"
    SCENE_ID, JOB_ID = "SCENE_ID", "JOB_ID"
    FILES = ((OUTPUT, "optical"), (ERROR, "error"), (DESPECKLED, "despeckled"))
    """Which output has which file of a job."""

    def __init__(self) -> None:
        super().__init__()
        self._outputs: Outputs | None = None
        self._optical: Source | None = None

    def add_options(self) -> None:
        """Add what to make."""
        self.addParameter(QgsProcessingParameterString(self.MODEL, tr("Model (default: the service's)"), optional=True))
        self.addParameter(QgsProcessingParameterExtent(self.EXTENT, tr("Only this part"), optional=True))
        self.addParameter(
            QgsProcessingParameterBoolean(self.ERROR_BAND, tr("Also estimate the error"), defaultValue=True)
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.DESPECKLE, tr("Also make the radar without its speckle (not every model can)"), defaultValue=False
            )
        )
        self.addParameter(
            QgsProcessingParameterRasterLayer(
                self.OPTICAL, tr("True optical image of the place, whose tone it shall have"), optional=True
            )
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                self.RESAMPLE, tr("Bring it to the pixel size that the model knows"), defaultValue=False
            )
        )

    def add_outputs(self, *, file_by_default: bool) -> None:
        """Add what to do with it."""
        shown = [
            tr("Tiles of the synthetic image (XYZ)"),
            tr("Tiles of the expected error (XYZ)"),
            tr("File on the service (COG)"),
            tr("Tiles of the despeckled SAR image (XYZ)"),
        ]
        self.addParameter(
            QgsProcessingParameterEnum(
                self.ADD, tr("Add layers of the service"), shown, allowMultiple=True, optional=True,
                defaultValue=[] if file_by_default else [XYZ_OPTICAL],
            )
        )  # fmt: skip
        self.addParameter(
            QgsProcessingParameterRasterDestination(
                self.OUTPUT, tr("Synthetic optical image"), optional=True, createByDefault=file_by_default
            )
        )
        for name, words in ((self.ERROR, tr("Expected error")), (self.DESPECKLED, tr("Despeckled SAR image"))):
            self.addParameter(
                QgsProcessingParameterRasterDestination(name, words, optional=True, createByDefault=False)
            )
        self.addOutput(QgsProcessingOutputString(self.SCENE_ID, tr("Scene")))
        self.addOutput(QgsProcessingOutputString(self.JOB_ID, tr("Job")))

    def request_from(self, parameters: dict[str, Any], context: QgsProcessingContext) -> TranslateRequest:
        """Read what to make."""
        box, crs = None, ""
        extent = self.parameterAsExtent(parameters, self.EXTENT, context)
        if not extent.isNull() and not extent.isEmpty():
            extent_crs = self.parameterAsExtentCrs(parameters, self.EXTENT, context)
            crs = extent_crs.authid() if extent_crs.isValid() else ""
            if not crs or ":" not in crs or crs.startswith("USER"):
                extent = self.parameterAsExtent(
                    parameters, self.EXTENT, context, QgsCoordinateReferenceSystem("EPSG:4326")
                )
                crs = ""
            box = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        wants_error, wants_despeckled = (
            is_wanted(parameters.get(name), context) for name in (self.ERROR, self.DESPECKLED)
        )
        shown = self.parameterAsEnums(parameters, self.ADD, context)
        return TranslateRequest(
            model=self.parameterAsString(parameters, self.MODEL, context).strip(),
            box=box,
            crs=crs,
            error_band=wants_error or self.parameterAsBoolean(parameters, self.ERROR_BAND, context),
            resample_to_model=self.parameterAsBoolean(parameters, self.RESAMPLE, context),
            despeckled=wants_despeckled
            or XYZ_DESPECKLED in shown
            or self.parameterAsBoolean(parameters, self.DESPECKLE, context),
            match=self._optical is not None or self.parameterAsBoolean(parameters, self.MATCH, context),
        )

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Take from the true optical image what is needed."""
        if is_given(parameters.get(self.OPTICAL)):
            self._optical = self.source(parameters, self.OPTICAL, context, [])
        return bool(super().prepareAlgorithm(parameters, context, feedback))

    def _match(self, scene: Scene, request: TranslateRequest, feedback: QgsProcessingFeedback, begin: float) -> None:
        """See to it that the scene has the image whose tone it shall have."""
        if self._optical is not None:
            with tempfile.TemporaryDirectory(prefix="geosar-") as folder:
                tell = stage(feedback, begin, begin + 3)
                path = self._optical.path or copied(self._optical, Path(folder, "optical"), feedback, tell)
                self.carry_out(self.service.send_optical(scene.id, path, tell), feedback)
        elif request.match and scene.optical != "ready":
            raise QgsProcessingException(
                tr("{0} has no true optical image on the service. Choose one here, and it is sent.").format(scene.name)
            )

    def make(
        self, scene: Scene, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback,
        begin: float,
    ) -> dict[str, Any]:  # fmt: skip
        """Translate a scene and fetch what was asked for; the progress begins at `begin` per cent."""
        paths = {
            key: self.parameterAsOutputLayer(parameters, key, context)
            for key, _ in self.FILES
            if is_wanted(parameters.get(key), context)
        }
        added = self.parameterAsEnums(parameters, self.ADD, context)
        request = self.request_from(parameters, context)
        self._match(scene, request, feedback, begin)
        results = self.translated(scene, request, feedback, stage(feedback, begin + 3, 85))
        files = {kind: paths[key] for key, kind in self.FILES if key in paths}
        for number, (kind, path) in enumerate(files.items()):
            begun, ended = (85 + 15 * part / len(files) for part in (number, number + 1))
            self.download(results, kind, path, feedback, stage(feedback, begun, ended))
        layer_of = {XYZ_OPTICAL: "optical", XYZ_ERROR: "error", XYZ_DESPECKLED: "despeckled"}
        tiles = [
            self.carry_out(self.service.tiles(scene.id, layer_of[one], job=results.job), feedback)
            for one in added
            if one in layer_of and scene.georeferenced
        ]
        if not scene.georeferenced and set(added) & set(layer_of):
            feedback.pushWarning(tr("The scene has no place on the map, so it has no tiles; take the file."))
        legend = self.carry_out(self.service.legend(scene.id, "optical"), feedback)
        self._outputs = Outputs(scene, results, files, tiles, COG in added, legend)
        feedback.setProgress(100)
        return {self.SCENE_ID: scene.id, self.JOB_ID: results.job} | paths

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Make the layers, on the main thread."""
        outputs = self._outputs
        NEWS.changed.emit(self.connection.url)
        if outputs is not None:
            scene, model = outputs.scene, outputs.results.model
            for kind, path in outputs.files.items():
                legend = outputs.legend if kind == "optical" else b""
                self.dress_output(context, path, Dresser(scene, kind, model, legend))
            for one in outputs.tiles:
                self.add_tiles(context, one, scene, model, feedback)
            if outputs.with_remote:
                self.add_remote(context, outputs.results, "optical", scene, outputs.legend)
        return {}


def is_wanted(destination: Any, context: QgsProcessingContext) -> bool:
    """Whether an output has a place; QGIS's batch gives one that is left empty as a definition without it."""
    if isinstance(destination, QgsProcessingOutputLayerDefinition):
        return bool(destination.sink.valueAsString(context.expressionContext())[0])
    return bool(destination)


class TranslateAlgorithm(SendingAlgorithm, TranslatingAlgorithm):
    """Send a layer, translate it, fetch the result."""

    def name(self) -> str:
        """Return the id."""
        return "translate"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return tr("Translate")

    def shortHelpString(self) -> str:
        """Say what it does."""
        return tr(
            "Sends a SAR image to the service and fetches what its model makes of it: an optical-looking image on "
            "exactly the same grid, as a Cloud-Optimized GeoTIFF.\n\n"
            "<b>The result is synthetic: a guess of a network, not an observation.</b> The expected error says how far "
            "off each pixel may be, from 0 to 255.\n\n"
            "SAR image: one or two polarisations, in decibel, power, amplitude or grey values; with a CRS or with "
            "ground control points. A layer that is no GeoTIFF, PNG, JPEG or zip of a SAFE product on this computer is "
            "copied first. Two polarisations in two layers go as one scene: give the second one, too.\n\n"
            "Only this part: in any CRS; the whole image without it.\n\n"
            "True optical image: is sent too, and the result is brought to its tone, by one gain and offset a channel."
            "\n\n"
            "Add layers of the service: tiles and files that stay there, instead of or beside the file that is fetched."
            "\n\nStopping stops the job on the service, too."
        )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.add_input()
        self.add_connection()
        self.add_options()
        self.add_input_details()
        self.add_authcfg()
        self.add_outputs(file_by_default=True)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it, in a worker thread."""
        scene = self.sent(parameters, context, feedback, 40)
        return self.make(scene, parameters, context, feedback, 40)
