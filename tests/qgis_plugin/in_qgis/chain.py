"""A model as one draws it in QGIS's model designer: upload, translate on the server, statistics of the result."""

from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QPointF

Source = QgsProcessingModelChildParameterSource


def child(algorithm: str, name: str, x: float, y: float, **sources: Source) -> QgsProcessingModelChildAlgorithm:
    """Make a box of the model, with what goes into it; the rest is as the designer's dialog has it at first."""
    node = QgsProcessingModelChildAlgorithm(algorithm)
    node.setChildId(name)
    node.setDescription(node.algorithm().displayName())
    node.setPosition(QPointF(x, y))
    for definition in node.algorithm().parameterDefinitions():
        source = sources.get(definition.name())
        if source is None and not definition.isDestination() and definition.defaultValue() is not None:
            source = Source.fromStaticValue(definition.defaultValue())
        if source is not None:
            node.addParameterSources(definition.name(), [source])
    return node


def chain() -> QgsProcessingModelAlgorithm:
    """Make the model: parameters SAR and SERVICE, result "shown:optical"."""
    model = QgsProcessingModelAlgorithm("SAR to optical, with statistics", "")
    for number, parameter in enumerate(
        (QgsProcessingParameterRasterLayer("SAR", "SAR image"), QgsProcessingParameterString("SERVICE", "Service"))
    ):
        place = QgsProcessingModelParameter(parameter.name())
        place.setPosition(QPointF(140 + 260 * number, 60))
        model.addModelParameter(parameter, place)
    service = Source.fromModelParameter("SERVICE")
    model.addChildAlgorithm(
        child("geosar:upload", "sent", 140, 190, INPUT=Source.fromModelParameter("SAR"), CONNECTION=service)
    )
    shown = child(
        "geosar:translatescene", "shown", 300, 310, SCENE=Source.fromChildOutput("sent", "SCENE_ID"),
        CONNECTION=service, ADD=Source.fromStaticValue([]),
    )  # fmt: skip
    optical = QgsProcessingModelOutput("optical", "Synthetic optical image")
    optical.setChildId("shown")
    optical.setChildOutputName("OUTPUT")
    optical.setPosition(QPointF(620, 330))
    shown.setModelOutputs({"optical": optical})
    model.addChildAlgorithm(shown)
    model.addChildAlgorithm(
        child("native:rasterlayerstatistics", "numbers", 460, 430, INPUT=Source.fromChildOutput("shown", "OUTPUT"),
              BAND=Source.fromStaticValue(1))
    )  # fmt: skip
    return model
