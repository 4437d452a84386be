"""A swipe on the map: what is left of the line and what is right of it, of which either may be chosen."""

from __future__ import annotations

from typing import Any, Callable

from qgis.core import QgsMapRendererParallelJob, QgsMapSettings, QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapTool
from qgis.PyQt.QtCore import QLineF, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF

GRIP = 9.0


class Half:
    """The picture of one side, rendered in threads of QGIS."""

    def __init__(self, canvas: QgsMapCanvas, drawn: Callable[[], None]) -> None:
        self._canvas, self._told = canvas, drawn
        self._job: QgsMapRendererParallelJob | None = None
        self.image: Any = None

    def draw(self, layers: list[Any] | None) -> None:
        """Render these layers; None shows the map as it is."""
        self.stop()
        if layers is None:
            self.image = None
            return
        settings = QgsMapSettings(self._canvas.mapSettings())
        settings.setLayers(layers)
        settings.setBackgroundColor(self._canvas.canvasColor())
        self._job = QgsMapRendererParallelJob(settings)
        self._job.finished.connect(self._drawn)
        self._job.start()

    def stop(self) -> None:
        """Render no more."""
        job, self._job = self._job, None
        if job is not None:
            job.finished.disconnect(self._drawn)
            job.cancelWithoutBlocking()

    def _drawn(self) -> None:
        if self._job is not None:
            self.image = self._job.renderedImage()
            self._told()


class Curtain(QgsMapCanvasItem):
    """Pictures of the sides over the map: left of the line, and right of it where a layer was chosen for that."""

    def __init__(self, canvas: QgsMapCanvas, layer: QgsRasterLayer, left: str = "", right: str = "") -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._layer_id = layer.id()
        self._chosen = (left, right)
        self.left, self.right = Half(canvas, self.update), Half(canvas, self.update)
        self.share = 0.5
        self.setZValue(1000)
        canvas.extentsChanged.connect(self.draw_anew)
        canvas.layersChanged.connect(self.draw_anew)
        canvas.mapCanvasRefreshed.connect(self.draw_anew)
        self.draw_anew()

    def choose(self, left: str, right: str) -> None:
        """Show these layers, by their ids; "" means what lies under the selected layer, or the map."""
        self._chosen = (left, right)
        self.draw_anew()

    def remove(self) -> None:
        """Take it off the map."""
        for signal in (self._canvas.extentsChanged, self._canvas.layersChanged, self._canvas.mapCanvasRefreshed):
            signal.disconnect(self.draw_anew)
        self.left.stop()
        self.right.stop()
        self._canvas.scene().removeItem(self)

    def move_to(self, x: float) -> None:
        """Put the line there, in pixels of the canvas."""
        self.share = min(1.0, max(0.0, x / max(1, self._canvas.viewport().width())))
        self.update()

    def draw_anew(self) -> None:
        """Render both sides."""
        layers = self._canvas.mapSettings().layers()
        ids = [one.id() for one in layers]
        below = layers[ids.index(self._layer_id) + 1 :] if self._layer_id in ids else layers
        left, right = (QgsProject.instance().mapLayer(one) if one else None for one in self._chosen)
        self.setRect(self._canvas.extent())
        self.left.draw(below if left is None else [left])
        self.right.draw(None if right is None else [right])

    def paint(self, painter: QPainter, *_options: Any) -> None:
        """Paint picture, line and grip."""
        view = self._canvas.viewport()
        height, x = float(view.height()), self.share * view.width()
        for half, begin, end in ((self.left, 0.0, x), (self.right, x, float(view.width()))):
            if half.image is not None:
                ratio = half.image.devicePixelRatio()
                source = QRectF(begin * ratio, 0, (end - begin) * ratio, height * ratio)
                painter.drawImage(QRectF(begin, 0, end - begin, height), half.image, source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 4))
        painter.drawLine(QLineF(x, 0, x, height))
        painter.setPen(QPen(QColor("white"), 2))
        painter.drawLine(QLineF(x, 0, x, height))
        painter.setBrush(QColor("white"))
        painter.setPen(QPen(QColor(0, 0, 0, 140), 1))
        middle = height / 2
        painter.drawEllipse(QPointF(x, middle), 2 * GRIP, 2 * GRIP)
        painter.setBrush(QColor("#3a3f47"))
        painter.setPen(Qt.PenStyle.NoPen)
        for side in (-1, 1):
            tip, foot = x + side * 1.4 * GRIP, x + side * 0.5 * GRIP
            painter.drawPolygon(
                QPolygonF([QPointF(tip, middle), QPointF(foot, middle - 5.0), QPointF(foot, middle + 5.0)])
            )


class SwipeTool(QgsMapTool):
    """Moves the line with the mouse; the wheel still zooms."""

    def __init__(self, canvas: QgsMapCanvas, layer: QgsRasterLayer, left: str = "", right: str = "") -> None:
        super().__init__(canvas)
        self.curtain: Curtain | None = Curtain(canvas, layer, left, right)
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def canvasMoveEvent(self, event: Any) -> None:
        """Follow the mouse."""
        if self.curtain is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.curtain.move_to(event.pos().x())

    def canvasPressEvent(self, event: Any) -> None:
        """Jump to the mouse."""
        if self.curtain is not None:
            self.curtain.move_to(event.pos().x())

    def deactivate(self) -> None:
        """Take the curtain away."""
        if self.curtain is not None:
            self.curtain.remove()
            self.curtain = None
        super().deactivate()
