"""The dialog that says how a scene of the service is read: unit, bands, polarisation, fill, mask, CRS and border."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ..client.answers import Reading, Scene
from ..client.messages import ClientError
from ..client.service import Service
from ..connections import Connection
from ..network import Conversation
from ..words import tr

FRAME = 20
"""Pixels of a line beside its words."""
POLARISATIONS = ("VV", "VH", "HH", "HV", "VV,VH", "HH,HV")


class ReadingDialog(QDialog):
    """Says other words of a scene, or what is wrong with them, and stays."""

    read = pyqtSignal(object)
    """The scene as it is read now."""

    def __init__(self, scene: Scene, connection: Connection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene, self._connection = scene, connection
        self._conversation: Conversation | None = None
        self.setWindowTitle(tr("How {0} is read").format(scene.name))
        reading = scene.reading
        units = {
            "db": tr("Decibel"), "power": tr("Power"), "amplitude": tr("Amplitude"), "dn": tr("Digital numbers"),
            "picture": tr("Grey values"),
        }  # fmt: skip
        self.unit = _choice(units, reading.unit)
        self.polarisation = _choice({one: one.replace(",", " + ") for one in POLARISATIONS}, reading.polarisation)
        self.band = _line(", ".join(reading.band), tr("as the file says, or VV=1, VH=2"))
        self.nodata = _line(reading.nodata, tr("as the file says"))
        self.mask_band = _line(reading.mask_band, tr("as the file says, or 3, or none"))
        self.crs = _line(reading.crs, tr("as the file says, or EPSG:32643"))
        self.keep_border = QCheckBox(tr("Keep the dark border"))
        self.keep_border.setToolTip(tr("Take the dark border of a swath or picture for data"))
        self.keep_border.setChecked(reading.keep_border)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setStyleSheet("color: #b3261e")
        self.message.setMinimumHeight(54)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        form = QFormLayout()
        form.addRow(tr("Unit"), self.unit)
        form.addRow(tr("Polarisation"), self.polarisation)
        form.addRow(tr("Bands"), self.band)
        form.addRow(tr("No data is"), self.nodata)
        form.addRow(tr("Mask band"), self.mask_band)
        form.addRow(tr("CRS"), self.crs)
        form.addRow(self.keep_border)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addWidget(self.buttons)
        self.resize(420, 0)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def reading(self) -> Reading:
        """Return what was entered."""
        bands = tuple(one.strip() for one in self.band.text().split(",") if one.strip())
        return Reading(
            self.unit.currentData(), self.polarisation.currentData(), bands, self.nodata.text().strip(),
            self.mask_band.text().strip(), self.crs.text().strip(), self.keep_border.isChecked(),
        )  # fmt: skip

    def accept(self) -> None:
        """Ask the service to read the scene so; close when it does."""
        self._ok.setEnabled(False)
        self.message.setText(tr("The scene is looked at ..."))
        flow = Service(self._connection.url).reread(self._scene.id, self.reading())
        self._conversation = Conversation(flow, self._connection, self)
        self._conversation.succeeded.connect(self._answered)
        self._conversation.failed.connect(self._refused)

    def done(self, result: int) -> None:
        """End what still runs."""
        if self._conversation is not None:
            self._conversation.stop()
            self._conversation = None
        super().done(result)

    @property
    def _ok(self) -> QWidget:
        return self.buttons.button(QDialogButtonBox.StandardButton.Ok)

    def _answered(self, scene: Scene) -> None:
        self._conversation = None
        self.read.emit(scene)
        super().accept()

    def _refused(self, error: ClientError) -> None:
        self._conversation = None
        self._ok.setEnabled(True)
        self.message.setText(str(error))


def _choice(options: dict[str, str], chosen: str) -> QComboBox:
    box = QComboBox()
    box.addItem(tr("as the file says"), "")
    for value, words in options.items():
        box.addItem(words, value)
    if chosen and box.findData(chosen) < 0:
        box.addItem(chosen, chosen)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box


def _line(entered: str, placeholder: str) -> QLineEdit:
    edit = QLineEdit(entered)
    edit.setPlaceholderText(placeholder)
    edit.setMinimumWidth(edit.fontMetrics().horizontalAdvance(placeholder) + FRAME)
    return edit
