"""The dialog that asks where geosar is installed on this computer, and where its scenes shall lie."""

from __future__ import annotations

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from .. import local_service
from ..client.messages import ClientError
from ..words import tr

WIDTH = 560


class LocalDialog(QDialog):
    """Stays until geosar is found."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Service on this computer"))
        about = QLabel(
            tr(
                "geosar is started from the Python environment in which it is installed (for example with "
                "pipx install geosar, or pip install geosar in a virtual environment), and ends with QGIS."
            )
        )
        about.setWordWrap(True)
        self.place = _folder(local_service.place(), tr("empty: as the PATH says"))
        self.store = _folder(str(local_service.store()), "")
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setStyleSheet("color: #b3261e")
        self.message.setMinimumHeight(36)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Start"))
        form = QFormLayout()
        form.addRow(tr("Environment"), self.place)
        form.addRow(tr("Scenes and results"), self.store)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addWidget(self.buttons)
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))  # words that are wrapped need their height
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def accept(self) -> None:
        """Keep what was entered, or say what is wrong and stay."""
        try:
            local_service.program(self.place.filePath().strip())
        except ClientError as error:
            self.message.setText(str(error))
            return
        local_service.remember(self.place.filePath().strip(), self.store.filePath().strip())
        super().accept()


def _folder(path: str, words: str) -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
    widget.lineEdit().setPlaceholderText(words)
    widget.setFilePath(path)
    return widget
