"""What stands for QGIS where the plugin runs on Qt 6 without it: as little as the plugin needs, on real Qt classes."""

import sys
import tempfile
import threading
import types
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import MagicMock

from PyQt6 import QtCore, QtGui, QtNetwork, QtWidgets, sip
from PyQt6.QtCore import QObject, QRectF, QSettings, pyqtSignal
from PyQt6.QtGui import QIcon
from PyQt6.QtNetwork import QNetworkAccessManager
from PyQt6.QtWidgets import QGraphicsItem, QGraphicsScene, QGraphicsView, QMainWindow, QWidget

SETTINGS = str(Path(tempfile.mkdtemp(), "settings.ini"))


class Settings(QSettings):
    """QgsSettings."""

    def __init__(self) -> None:
        super().__init__(SETTINGS, QSettings.Format.IniFormat)


class Network(QNetworkAccessManager):
    """QgsNetworkAccessManager: one a thread."""

    _kept: ClassVar[dict[int, "Network"]] = {}

    @classmethod
    def instance(cls) -> "Network":
        return cls._kept.setdefault(threading.get_ident(), cls())


class Canvas(QGraphicsView):
    """QgsMapCanvas."""

    extentsChanged, layersChanged, mapCanvasRefreshed = pyqtSignal(), pyqtSignal(), pyqtSignal()
    mapSettings, extent, setExtent, refresh, canvasColor, mapTool, unsetMapTool = (MagicMock() for _ in range(7))

    def __init__(self) -> None:
        super().__init__()
        self.setScene(QGraphicsScene())

    def setMapTool(self, tool: Any) -> None:
        self.tool = tool


class CanvasItem(QGraphicsItem):
    """QgsMapCanvasItem."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__()
        canvas.scene().addItem(self)

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, 300, 200)

    setRect = MagicMock()


class MapTool(QObject):
    """QgsMapTool."""

    deactivated = pyqtSignal()

    def __init__(self, _canvas: Canvas) -> None:
        super().__init__()

    def setCursor(self, _cursor: Any) -> None: ...

    def deactivate(self) -> None:
        self.deactivated.emit()


class LayerCombo(QtWidgets.QComboBox):
    """QgsMapLayerComboBox: with no layers."""

    layerChanged = pyqtSignal(object)
    setFilters, setAllowEmptyLayer, setLayer = (MagicMock() for _ in range(3))

    def currentLayer(self) -> None:
        return None


class AuthConfigSelect(QWidget):
    """QgsAuthConfigSelect."""

    def configId(self) -> str:
        return ""

    def setConfigId(self, _authcfg: str) -> None: ...


class Feedback(QObject):
    """QgsProcessingFeedback."""

    progressChanged = pyqtSignal(float)


class RasterLayer:
    """QgsRasterLayer."""

    def __init__(self, source: str, name: str, provider: str) -> None:
        self.source, self._name, self.provider = source, name, provider
        self.legend = ""

    def name(self) -> str:
        return self._name

    def setLegendPlaceholderImage(self, picture: str) -> None:
        self.legend = picture

    def opacity(self) -> float:
        return 1.0

    def __getattr__(self, _name: str) -> Any:
        return MagicMock()


class Iface(QMainWindow):
    """QgisInterface, and QGIS's window."""

    currentLayerChanged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.canvas, self.bar, self.layer = Canvas(), MagicMock(), None
        self.setCentralWidget(self.canvas)

    def mainWindow(self) -> QMainWindow:
        return self

    def mapCanvas(self) -> Canvas:
        return self.canvas

    def messageBar(self) -> Any:
        return self.bar

    def activeLayer(self) -> Any:
        return self.layer

    def setActiveLayer(self, layer: Any) -> None:
        self.layer = layer
        self.currentLayerChanged.emit(layer)

    addToolBarIcon = removeToolBarIcon = addPluginToRasterMenu = removePluginRasterMenu = MagicMock()


class Fake(types.ModuleType):
    """A module of QGIS: what is not put into it takes everything and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, MagicMock(name=name))
        return getattr(self, name)


def replace_qgis() -> Fake:
    """Put modules in the place of QGIS's; returns qgis.core."""
    core, gui = Fake("qgis.core"), Fake("qgis.gui")
    core.QgsSettings, core.QgsNetworkAccessManager, core.QgsRasterLayer = Settings, Network, RasterLayer
    core.QgsProcessingFeedback = Feedback
    core.Qgis.QGIS_VERSION_INT = 40000
    core.QgsApplication.getThemeIcon.side_effect = lambda _name: QIcon()
    core.QgsCsException = type("QgsCsException", (Exception,), {})
    core.QgsProcessingException = type("QgsProcessingException", (Exception,), {})
    for name in ("Algorithm", "Provider", "LayerPostProcessorInterface"):
        setattr(core, f"QgsProcessing{name}", type(name, (), {}))
    gui.QgsMapCanvas, gui.QgsMapCanvasItem, gui.QgsMapTool = Canvas, CanvasItem, MapTool
    gui.QgsAuthConfigSelect = AuthConfigSelect
    gui.QgsMapLayerComboBox = LayerCombo
    qgis, pyqt = types.ModuleType("qgis"), types.ModuleType("qgis.PyQt")
    vars(pyqt)["sip"] = sip
    sys.modules |= {"qgis": qgis, "qgis.core": core, "qgis.gui": gui, "qgis.PyQt": pyqt, "qgis.PyQt.sip": sip}
    for module in (QtCore, QtGui, QtNetwork, QtWidgets):
        sys.modules[module.__name__.replace("PyQt6", "qgis.PyQt")] = module
    return core
