"""The top of the panel: which service, how it is, and one on this computer that is started here."""

from __future__ import annotations

from typing import Any, Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from .. import connections, local_service, log
from ..client.messages import ClientError
from ..connections import Connection
from ..local_service import LocalService
from ..words import tr
from .connection_dialog import ConnectionDialog
from .local_dialog import LocalDialog

GOOD, BAD = "#2e9e4f", "#c4302b"


class ConnectionBar(QWidget):
    """Chooses a connection; the panel talks with it."""

    chosen = pyqtSignal(object)
    """A connection, or None."""
    again = pyqtSignal()
    """Ask the service anew."""

    def __init__(self, message_bar: Callable[[], Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._message_bar = message_bar
        self._current: Connection | None = None
        self.combo = QComboBox()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.service = LocalService(self)
        self._offer = tr("Start a service on this computer, which ends with QGIS")
        self.here = self._button("mIconConnect.svg", self._offer, self._toggle)
        self.here.setCheckable(True)
        self.here.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.here.setMenu(self._menu())
        self._arrange()
        self.combo.activated.connect(self._activated)
        self.service.began.connect(self._began)
        self.service.ended.connect(self._ended)

    def stop(self) -> None:
        """End the service on this computer, if one was started here."""
        if self.service.running:
            self.service.end()
            connections.remove(here_name())

    def say(self, words: str, *, good: bool) -> None:
        """Say how the service is."""
        self.state.setText(f'<span style="color:{GOOD if good else BAD}">●</span> {words}')

    def fill(self) -> None:
        """List the connections, and choose the one that was used last."""
        self.combo.clear()
        for one in connections.saved():
            self.combo.addItem(one.name)
            self.combo.setItemData(self.combo.count() - 1, one.url, Qt.ItemDataRole.ToolTipRole)
        self._choose(connections.current())

    def new(self) -> None:
        """Make a connection."""
        self._edit(None)

    def _choose(self, connection: Connection | None) -> None:
        self._current = connection
        if connection is None:
            self.state.setText(
                tr("No connection yet: press + and give the URL of a service, or start one on this computer.")
            )
        else:
            self.combo.setCurrentText(connection.name)
        self.chosen.emit(connection)

    def _activated(self, row: int) -> None:
        connections.make_current(self.combo.itemText(row))
        self._choose(connections.current())

    def _edit(self, connection: Connection | None) -> None:
        dialog = ConnectionDialog(connection, self)
        if dialog.exec():
            self.fill()
        dialog.deleteLater()

    def _forget(self) -> None:
        if self._current is not None:
            connections.remove(self._current.name)
            self.fill()

    def _toggle(self) -> None:
        if self.service.running:
            self.service.stop()
            return
        try:
            local_service.program(local_service.place())
        except ClientError:
            self._ask()
        else:
            self._start()

    def _ask(self) -> None:
        dialog = LocalDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._start)
        dialog.rejected.connect(self._show)
        dialog.open()

    def _start(self) -> None:
        if self.service.running:
            return
        try:
            self.service.start()
        except ClientError as error:
            log.tell(self._message_bar(), error)
        else:
            self.state.setText(tr("Starting the service on this computer ..."))
        self._show()

    def _show(self) -> None:
        running = self.service.running
        self.here.setChecked(running)
        self.here.setToolTip(tr("End the service on this computer") if running else self._offer)

    def _began(self, url: str) -> None:
        connections.save(Connection(here_name(), url))
        self.fill()
        self._show()

    def _ended(self, last: str) -> None:
        connections.remove(here_name())
        self.fill()
        self._show()
        if last:
            log.tell(self._message_bar(), ClientError(tr("The service on this computer has ended: {0}").format(last)))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Where geosar is installed ...")).triggered.connect(self._ask)
        return menu

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.combo, 1)
        for icon, words, act in (
            ("symbologyAdd.svg", tr("New connection"), self.new),
            ("symbologyEdit.svg", tr("Change this connection"), lambda: self._edit(self._current)),
            ("symbologyRemove.svg", tr("Forget this connection"), self._forget),
            ("mActionRefresh.svg", tr("Ask the service anew"), self.again.emit),
        ):
            top.addWidget(self._button(icon, words, act))
        top.addWidget(self.here)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.state)

    def _button(self, icon: str, words: str, act: Callable[[], Any]) -> QToolButton:
        button = QToolButton()
        button.setIcon(QgsApplication.getThemeIcon(icon))
        button.setToolTip(words)
        button.setAutoRaise(True)
        button.clicked.connect(lambda _checked=False: act())
        return button


def here_name() -> str:
    """Name the connection to the service that was started here."""
    return tr("this computer, started here")
