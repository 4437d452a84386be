"""What the algorithms that send a layer share: its parameters, its copy where one is needed, and the upload."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterRasterLayer,
)

from ..client.answers import Scene
from ..client.messages import CancelledError, ClientError
from ..client.uploads import Parcel, upload
from ..export import Source, source_of, write_copy
from ..words import tr
from .base import POLARISATIONS, UNITS, GeosarAlgorithm, stage


class SendingAlgorithm(GeosarAlgorithm):
    """An algorithm that sends a raster layer."""

    INPUT, BANDS, POLARISATION, UNIT, FORCE = "INPUT", "BANDS", "POLARISATION", "UNIT", "FORCE"

    def __init__(self) -> None:
        super().__init__()
        self.source = Source("")

    def add_input(self) -> None:
        """Add the layer."""
        self.addParameter(
            QgsProcessingParameterRasterLayer(self.INPUT, tr("SAR image"), [QgsProcessing.SourceType.TypeRaster])
        )

    def add_input_details(self) -> None:
        """Add what the file may not say of itself."""
        self.add_advanced(
            QgsProcessingParameterBand(
                self.BANDS, tr("Bands (default: all)"), parentLayerParameterName=self.INPUT, optional=True,
                allowMultiple=True,
            )
        )  # fmt: skip
        self.add_choice(self.POLARISATION, tr("Polarisation"), POLARISATIONS)
        self.add_choice(self.UNIT, tr("Unit of the values"), UNITS)
        self.add_advanced(
            QgsProcessingParameterBoolean(self.FORCE, tr("Take what looks like no SAR image"), defaultValue=False)
        )

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Take from the layer what is needed, so that it may be removed while this runs."""
        layer = self.parameterAsRasterLayer(parameters, self.INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, self.INPUT))
        given = parameters.get(self.BANDS)
        bands = self.parameterAsInts(parameters, self.BANDS, context) if given not in (None, "", []) else []
        try:
            self.source = source_of(layer, tuple(bands))
        except ClientError as error:
            raise QgsProcessingException(str(error)) from error
        return bool(super().prepareAlgorithm(parameters, context, feedback))

    def sent(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback, end: float,
        name: str = "",
    ) -> Scene:  # fmt: skip
        """Send the layer; the progress ends at `end` per cent."""
        polarisation = POLARISATIONS[self.parameterAsEnum(parameters, self.POLARISATION, context)]
        unit = UNITS[self.parameterAsEnum(parameters, self.UNIT, context)]
        force = self.parameterAsBoolean(parameters, self.FORCE, context)
        with tempfile.TemporaryDirectory(prefix="geosar-") as folder:
            path = self.source.path or self._copy(Path(folder), feedback, end / 4)
            begin = 0.0 if self.source.path else end / 4
            parcel = Parcel(path, name or self.source.name, polarisation, unit, force)
            scene = self.carry_out(upload(self.service, parcel, stage(feedback, begin, end)), feedback)
        feedback.pushInfo(tr("Scene {0}: {1}").format(scene.id, scene.name))
        return scene

    def _copy(self, folder: Path, feedback: QgsProcessingFeedback, end: float) -> Path:
        feedback.pushInfo(tr("The layer has no file that can be sent as it is; its values are copied first."))
        tell = stage(feedback, 0, end)
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in self.source.name) or "layer"
        try:
            return write_copy(
                self.source, folder / f"{stem}.tif", lambda share: tell(share, tr("Copying")), feedback.isCanceled
            )
        except CancelledError as error:
            raise QgsProcessingException(tr("Stopped. Nothing was sent.")) from error
        except ClientError as error:
            raise QgsProcessingException(str(error)) from error
