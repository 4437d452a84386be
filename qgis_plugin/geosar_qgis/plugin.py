"""The plugin: puts provider, panel and renewal into QGIS, and takes them out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon

from . import lifetime
from .dock.panel import Panel
from .provider import GeosarProvider
from .renewal import Renewal
from .words import speak, tr

FOLDER = Path(__file__).parent


class GeosarPlugin:
    """What QGIS starts and stops. Without a window (qgis_process) only `initProcessing` is called."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.provider: GeosarProvider | None = None
        self.panel: Panel | None = None
        self.renewal: Renewal | None = None
        # What QGIS's window speaks, whoever said so (`--lang`, its options, the system); without one, the system.
        speak(str(QgsApplication.instance().translation() or QgsApplication.locale()))

    def initProcessing(self) -> None:
        """Add the algorithms."""
        self.provider = GeosarProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Add the algorithms, the panel and its button."""
        lifetime.watch()
        self.initProcessing()
        self.renewal = Renewal()
        self.panel = Panel(self.iface, self.iface.mainWindow())
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.panel)
        action = self.panel.toggleViewAction()
        action.setIcon(QIcon(str(FOLDER / "icon.svg")))
        action.setToolTip(tr("SAR to optical: scenes, jobs and layers of the service"))
        self.iface.addToolBarIcon(action)
        self.iface.addPluginToRasterMenu(self._menu(), action)

    def unload(self) -> None:
        """Take everything out again; jobs on the service go on."""
        if self.panel is not None:
            action = self.panel.toggleViewAction()
            self.iface.removePluginRasterMenu(self._menu(), action)
            self.iface.removeToolBarIcon(action)
            self.iface.removeDockWidget(self.panel)
            self.panel.stop()
            self.panel.deleteLater()
            self.panel = None
        if self.renewal is not None:
            self.renewal.stop()
            self.renewal = None
            lifetime.unwatch()
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    @staticmethod
    def _menu() -> str:
        return tr("SAR to optical")
