"""The plugin: puts provider, panel and renewal into QGIS, and takes them out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon

from . import lifetime
from .dock.panel import Panel
from .provider import GeosarProvider
from .renewal import Renewal
from .words import tr

FOLDER = Path(__file__).parent


class GeosarPlugin:
    """What QGIS starts and stops. Without a window (qgis_process) only `initProcessing` is called."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.provider: GeosarProvider | None = None
        self.panel: Panel | None = None
        self.renewal: Renewal | None = None
        self.translator = _translator()

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
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None

    @staticmethod
    def _menu() -> str:
        return tr("SAR to optical")


def _translator() -> QTranslator | None:
    """Load the words of the language that QGIS is set to, where the plugin has them."""
    language = str(QgsSettings().value("locale/userLocale", "") or QLocale.system().name())
    for name in (language, language[:2]):
        translator = QTranslator()
        if translator.load(str(FOLDER / "i18n" / f"geosar_{name}.qm")):
            QCoreApplication.installTranslator(translator)
            return translator
    return None
