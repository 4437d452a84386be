"""What the tests inside QGIS share: running algorithms, waiting on the event loop, rendering, and a window."""

import time
from collections.abc import Callable
from typing import Any

from geosar_qgis.client.driving import never
from geosar_qgis.connections import Connection
from geosar_qgis.network import carry_out
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas, QgsMessageBarItem
from qgis.PyQt.QtCore import (
    QCoreApplication,
    QEvent,
    QEventLoop,
    QMimeData,
    QPoint,
    QPointF,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QComboBox, QMainWindow, QMenu, QMessageBox, QPushButton, QToolBar, QWidget

Source = QgsProcessingModelChildParameterSource
PATIENCE = 4
"""How many times longer than on a quiet machine everything may take."""


class Feedback(QgsProcessingFeedback):
    """Keeps what an algorithm tells."""

    def __init__(self) -> None:
        super().__init__(False)
        self.shares: list[float] = []
        self.words: list[str] = []
        self.troubles: list[str] = []
        self.progressChanged.connect(self.shares.append)

    def setProgressText(self, text: str) -> None:
        self.words.append(text)

    def pushInfo(self, text: str) -> None:
        self.words.append(text)

    def pushWarning(self, text: str) -> None:
        self.words.append(text)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.troubles.append(error)


class Run:
    """An algorithm in QGIS's task manager, as the toolbox runs it."""

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        self.feedback = Feedback()
        self.context = QgsProcessingContext()
        self.context.setProject(QgsProject.instance())
        self.ended: tuple[bool, dict[str, Any]] | None = None
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"geosar:{name}")
        assert algorithm is not None
        self.task = QgsProcessingAlgRunnerTask(algorithm, parameters, self.context, self.feedback)
        self.task.executed.connect(self._executed)
        QgsApplication.taskManager().addTask(self.task)

    def _executed(self, good: bool, results: dict[str, Any]) -> None:
        self.ended = (good, results)

    def result(self, seconds: float = 90) -> dict[str, Any]:
        """Wait for it to end well."""
        wait(lambda: self.ended is not None, seconds)
        assert self.ended is not None
        assert self.ended[0], self.feedback.troubles
        return self.ended[1]

    def trouble(self, seconds: float = 60) -> str:
        """Wait for it to fail; returns the words."""
        # What fails before it begins is cancelled by QGIS, and never said to have been executed.
        wait(lambda: self.ended is not None or bool(self.feedback.troubles), seconds)
        spin(0.2)
        assert self.ended is None or not self.ended[0], self.ended
        return " ".join(self.feedback.troubles)


def run(name: str, **parameters: Any) -> dict[str, Any]:
    """Run an algorithm to its good end."""
    return Run(name, parameters).result()


def wait(done: Callable[[], bool], seconds: float = 30) -> None:
    """Let the event loop turn until it is so; on a quiet machine within some seconds, on a busy one later."""
    end = time.monotonic() + PATIENCE * seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
        time.sleep(0.01)


def click(widget: QWidget, place: QPoint | None = None) -> None:
    """Click at a place of a widget, by default in its middle, on whatever lies uppermost there: as a hand does."""
    uppermost, point = _uppermost(widget, place)
    QTest.mouseClick(uppermost, Qt.MouseButton.LeftButton, pos=point)


def click_menu(widget: QWidget, place: QPoint, entry: str, button: Any = Qt.MouseButton.LeftButton) -> list[str]:
    """Click where a menu opens, and then an entry of it; returns the words of all of them.

    The click goes to the window, as one of a real mouse does, so that Qt makes of it what opens a context menu.
    """
    words: list[str] = []

    def choose() -> None:
        menu = QApplication.activePopupWidget()
        if not isinstance(menu, QMenu):
            QTimer.singleShot(50, choose)
            return
        words.extend(action.text() for action in menu.actions())
        (action,) = [one for one in menu.actions() if one.text() == entry]
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())

    window = widget.window()
    QTimer.singleShot(50, choose)
    QTest.mouseClick(window.windowHandle(), button, Qt.KeyboardModifier.NoModifier, widget.mapTo(window, place))
    wait(lambda: bool(words) and QApplication.activePopupWidget() is None)
    return words


def pick(box: QComboBox, row: int) -> None:
    """Open a list of choices with the mouse, and click one of them."""
    click(box)
    view = box.view()
    wait(view.isVisible)
    spin(QApplication.doubleClickInterval() / 1000 + 0.2)  # till then a list takes a click for the one that opened it
    QTest.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(row, 0)).center()
    )
    wait(lambda: box.currentIndex() == row)


def drag(widget: QWidget, begin: QPoint, end: QPoint) -> None:
    """Press the mouse at a place of a widget, move it, and let go, in steps as a hand does."""
    uppermost, at = _uppermost(widget, begin)
    QTest.mousePress(uppermost, Qt.MouseButton.LeftButton, pos=at)
    for step in range(1, 11):
        point = at + (end - begin) * step / 10
        moved = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(point), QPointF(uppermost.mapToGlobal(point)), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(uppermost, moved)
    QTest.mouseRelease(uppermost, Qt.MouseButton.LeftButton, pos=at + end - begin)


def arrow(button: QWidget) -> QPoint:
    """Where a button with a menu has its arrow."""
    return QPoint(button.width() - 6, button.height() // 2)


def drop(widget: QWidget, data: QMimeData) -> bool:
    """Drag something over the middle of a widget and let go; returns whether it was taken."""
    uppermost, point = _uppermost(widget, None)
    hands = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(point, Qt.DropAction.CopyAction, data, *hands)
    entered.ignore()
    QApplication.sendEvent(uppermost, entered)
    if not entered.isAccepted():
        return False
    QApplication.sendEvent(uppermost, QDropEvent(QPointF(point), Qt.DropAction.CopyAction, data, *hands))
    return True


def answer(button: QMessageBox.StandardButton) -> list[str]:
    """Click a button of the question that will be asked; its words are in the list once it was."""
    questions: list[str] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(50, look)
            return
        questions.append(box.text())
        click(box.button(button))

    QTimer.singleShot(50, look)
    return questions


def press_offered(window: "Window") -> None:
    """Click the button of what the message bar offers, and lets go."""
    window.offered.raise_()
    spin(0.1)
    click(window.offered.findChild(QPushButton))
    assert window.offered.isHidden()


def choose(panel: Any, scene: Any) -> QPoint:
    """Click a scene in the panel's list; returns where it is."""
    panel.refresh()
    wait(lambda: scene.id in panel.scenes.scenes)
    tab = panel.scenes.list
    (item,) = [tab.item(row) for row in range(tab.count()) if tab.item(row).text().startswith(scene.name)]
    tab.scrollToItem(item)
    place = tab.visualItemRect(item).center()
    click(tab.viewport(), place)
    assert panel.scenes.chosen().id == scene.id
    return QPoint(place)


def _uppermost(widget: QWidget, place: QPoint | None) -> tuple[QWidget, QPoint]:
    window = widget.window()
    point = widget.mapTo(window, place or widget.rect().center())
    uppermost = window.childAt(point)
    assert uppermost is not None, "nothing is seen there"
    return uppermost, uppermost.mapFrom(window, point)


def spin(seconds: float) -> None:
    """Let the event loop turn for a while."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, seconds)


def ask(connection: Connection, flow: Any) -> Any:
    """Carry out a conversation."""
    return carry_out(flow, connection, never)


def rendered(layers: list[QgsRasterLayer], extent: QgsRectangle, crs: Any, width: int, height: int) -> QImage:
    """Render layers as the map does."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(crs)
    settings.setOutputSize(QSize(width, height))
    settings.setExtent(extent)
    settings.setBackgroundColor(QColor(0, 0, 0, 0))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    wait(lambda: not job.isActive(), 60)
    return job.renderedImage()


def pixels(image: QImage) -> Any:
    """Return an image as numbers (height, width, 4): red, green, blue, alpha."""
    import numpy as np

    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return (
        np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width()].copy()
    )


class Window(QMainWindow):
    """Stands for QGIS's own window and its interface: what the plugin uses of it, and nothing else."""

    currentLayerChanged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.canvas = QgsMapCanvas()
        self.setCentralWidget(self.canvas)
        self.said: list[str] = []
        self.menu = QMenu()
        self.tools = QToolBar()
        self.layer: Any = None
        self.resize(900, 600)

    def mainWindow(self) -> QMainWindow:
        return self

    def mapCanvas(self) -> QgsMapCanvas:
        return self.canvas

    def messageBar(self) -> Any:
        return self

    def pushMessage(self, _title: str, text: str, *more: Any) -> None:
        """The whole text, which QGIS shows behind a button where it is long, comes before level and seconds."""
        self.said.append(str(more[0]) if len(more) == 3 else text)

    def createMessage(self, title: str, text: str) -> QgsMessageBarItem:
        self.offered = QgsMessageBarItem(title, text, Qgis.MessageLevel.Success, 0, self)
        self.offered.setGeometry(0, 0, 500, 40)
        self.offered.show()
        return self.offered

    def pushWidget(self, item: QgsMessageBarItem, _level: Any, _seconds: int) -> None:
        self.said.append(item.text())

    def popWidget(self, item: QgsMessageBarItem) -> None:
        item.hide()

    def activeLayer(self) -> Any:
        return self.layer

    def setActiveLayer(self, layer: Any) -> None:
        self.layer = layer
        self.currentLayerChanged.emit(layer)

    def addToolBarIcon(self, action: Any) -> None:
        self.tools.addAction(action)

    def removeToolBarIcon(self, action: Any) -> None:
        self.tools.removeAction(action)

    def addPluginToRasterMenu(self, _name: str, action: Any) -> None:
        self.menu.addAction(action)

    def removePluginRasterMenu(self, _name: str, action: Any) -> None:
        self.menu.removeAction(action)

    def messages(self) -> str:
        """What the message bar has said."""
        return " ".join(self.said)


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
    """Make a model as one draws it in the designer: SAR and SERVICE in, "shown:optical" and its statistics out."""
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
