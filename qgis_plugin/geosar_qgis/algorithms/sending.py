"""What the algorithms that send a layer share: its parameters, its copy where one is needed, and the upload."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterRasterLayer,
)
from qgis.PyQt.QtCore import QVariant

from ..client.answers import Scene
from ..client.messages import CancelledError, ClientError, Progress
from ..client.uploads import UploadFile, upload, upload_together
from ..export import Source, write_copy
from ..words import tr
from .base import POLARISATIONS, UNITS, GeosarAlgorithm, stage


class SendingAlgorithm(GeosarAlgorithm):
    """An algorithm that sends a raster layer."""

    INPUT, SECOND, BANDS, POLARISATION = "INPUT", "SECOND", "BANDS", "POLARISATION"
    UNIT, FORCE = "UNIT", "FORCE"

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []

    def add_input(self) -> None:
        """Add the layer, and the one that may go with it."""
        self.addParameter(QgsProcessingParameterRasterLayer(self.INPUT, tr("SAR image")))
        self.addParameter(
            QgsProcessingParameterRasterLayer(
                self.SECOND, tr("Its second polarisation, where that is another layer"), optional=True
            )
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
        numbers = parameters.get(self.BANDS)
        bands = self.parameterAsInts(parameters, self.BANDS, context) if numbers not in (None, "", []) else []
        self.sources = [self.source(parameters, self.INPUT, context, bands)]
        if is_given(parameters.get(self.SECOND)):
            self.sources.append(self.source(parameters, self.SECOND, context, []))
        return bool(super().prepareAlgorithm(parameters, context, feedback))

    def sent(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback, end: float,
        name: str = "",
    ) -> Scene:  # fmt: skip
        """Send the layer, or the two; the progress ends at `end` per cent."""
        stated = POLARISATIONS[self.parameterAsEnum(parameters, self.POLARISATION, context)]
        unit = UNITS[self.parameterAsEnum(parameters, self.UNIT, context)]
        force = self.parameterAsBoolean(parameters, self.FORCE, context)
        polarisations = [stated] if len(self.sources) == 1 else self._held(stated)
        name = name or " + ".join([self.sources[0].name, *polarisations[1:]])
        with tempfile.TemporaryDirectory(prefix="geosar-") as folder:
            begin, uploads = 0.0, []
            for source, polarisation in zip(self.sources, polarisations):
                path = source.path
                if path is None:
                    ready = begin + end / 4 / len(self.sources)
                    path = copied(source, Path(folder, polarisation or "one"), feedback, stage(feedback, begin, ready))
                    begin = ready
                uploads.append(UploadFile(path, name, polarisation, unit, force))
            tell = stage(feedback, begin, end)
            flow = (
                upload(self.service, uploads[0], tell)
                if len(uploads) == 1
                else upload_together(self.service, uploads, tell)
            )
            scene = self.carry_out(flow, feedback)
        feedback.pushInfo(tr("Scene {0}: {1}").format(scene.id, scene.name))
        return scene

    def _held(self, stated: str) -> list[str]:
        """Say which polarisation each of two layers holds."""
        polarisations = stated.split(",") if "," in stated else [one.polarisation for one in self.sources]
        if len(set(polarisations)) < len(polarisations) or not all(polarisations):
            names = " and ".join(one.name for one in self.sources)
            raise QgsProcessingException(
                tr(
                    "Which polarisation {0} hold cannot be told by their names. Choose it under Polarisation: with "
                    "VV,VH the first layer is VV and the second VH."
                ).format(names)
            )
        return polarisations


def is_given(value: Any) -> bool:
    """Whether a parameter has a value; a model gives one that is left empty as a variant without any."""
    return value not in (None, "") and not (isinstance(value, QVariant) and value.isNull())


def copied(source: Source, folder: Path, feedback: QgsProcessingFeedback, tell: Progress) -> Path:
    """Write the values of a layer into a new folder; returns the file."""
    feedback.pushInfo(tr("{0} has no file that can be sent as it is; its values are copied first.").format(source.name))
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in source.name) or "layer"
    folder.mkdir()
    try:
        return write_copy(source, folder / f"{stem}.tif", lambda share: tell(share, tr("Copying")), feedback.isCanceled)
    except CancelledError as error:
        raise QgsProcessingException(tr("Stopped. Nothing was sent.")) from error
    except ClientError as error:
        raise QgsProcessingException(str(error)) from error
