"""The dialog of a connection: name, URL, authentication, and a button that tries them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from .. import connections
from ..client.answers import Ready
from ..client.messages import ClientError
from ..client.service import Service
from ..client.urls import service_url
from ..connections import Connection
from ..network import Conversation
from ..words import tr


class ConnectionDialog(QDialog):
    """Makes a connection, or changes one."""

    def __init__(self, connection: Connection | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before = connection.name if connection else ""
        self._conversation: Conversation | None = None
        self.setWindowTitle(tr("Connection to a geosar service"))
        self.name = QLineEdit(connection.name if connection else "")
        self.name.setPlaceholderText(tr("for example: my computer"))
        self.url = QLineEdit(connection.url if connection else "http://127.0.0.1:8000")
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText(tr("only to save a new one"))
        self.key.setToolTip(tr("It is put into QGIS's authentication database, encrypted; never into the project."))
        self.authentication = QgsAuthConfigSelect()
        self.authentication.setConfigId(connection.authcfg if connection else "")
        self.authentication.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.test = QPushButton(tr("Test"))
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setMinimumHeight(54)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        form = QFormLayout()
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("URL"), self.url)
        form.addRow(tr("API key"), self.key)
        form.addRow(tr("or authentication"), self.authentication)
        testing = QHBoxLayout()
        testing.addWidget(self.test)
        testing.addWidget(self.message, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(testing)
        layout.addWidget(buttons)
        layout.addStretch(1)
        self.resize(520, 0)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.test.clicked.connect(self.try_it)
        self.url.textChanged.connect(lambda _text: self.message.setText(warning_of(self.url.text())))

    def connection(self) -> Connection:
        """Return what was entered, nothing of which is saved yet; raises ClientError."""
        url = service_url(self.url.text())
        name = self.name.text().strip() or url.partition("://")[2]
        return Connection(name, url, self.authentication.configId(), self.key.text().strip())

    def _kept(self, entered: Connection) -> Connection:
        """Put the key that was entered into the database."""
        if not entered.key:
            return entered
        connections.checked_name(entered.name)
        authcfg = connections.keep_key(entered.name, entered.key, entered.authcfg)
        self.key.clear()
        self.authentication.setConfigId(authcfg)
        return Connection(entered.name, entered.url, authcfg)

    def accept(self) -> None:
        """Save, or say what is wrong and stay."""
        try:
            connections.save(self._kept(self.connection()), self._before)
        except ClientError as error:
            self._say(str(error), good=False)
            return
        super().accept()

    def done(self, result: int) -> None:
        """End what still runs."""
        if self._conversation is not None:
            self._conversation.stop()
            self._conversation = None
        super().done(result)

    def try_it(self) -> None:
        """Ask the service; the dialog stays usable."""
        try:
            connection = self.connection()
        except ClientError as error:
            self._say(str(error), good=False)
            return
        if not connection.key and not connections.unlock(connection.authcfg):
            self._say(tr("The authentication database stays locked without its master password."), good=False)
            return
        if self._conversation is not None:
            self._conversation.stop()
        self.test.setEnabled(False)
        self.message.setText(tr("Asking {0} ...").format(connection.url))
        self._conversation = Conversation(Service(connection.url).ready(), connection, self)
        self._conversation.succeeded.connect(self._answered)
        self._conversation.failed.connect(self._refused)

    def _answered(self, ready: Ready) -> None:
        self._conversation = None
        self.test.setEnabled(True)
        words = tr("It works: geosar {0}, model {1}.").format(ready.version, ", ".join(ready.models))
        if not ready.ready:
            words = tr("It answers, but cannot work now: {0}.").format(", ".join(ready.missing))
        self._say(" ".join(filter(None, (words, warning_of(self.url.text())))), good=ready.ready)

    def _refused(self, error: ClientError) -> None:
        self._conversation = None
        self.test.setEnabled(True)
        self._say(str(error), good=False)

    def _say(self, words: str, *, good: bool) -> None:
        colour = "#1f7a33" if good else "#b3261e"
        self.message.setStyleSheet(f"color: {colour}")
        self.message.setText(words)


def warning_of(url: str) -> str:
    """Say that what is sent can be read on the way, where that is so."""
    try:
        parts = urlsplit(service_url(url))
    except ClientError:
        return ""
    host = parts.hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if parts.scheme == "https" or local:
        return ""
    return tr("Without https, images and key can be read on the way.")
