"""A swipe on the map: left of the line one sees what lies under a layer, right of it the layer itself."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsMapRendererParallelJob, QgsMapSettings, QgsRasterLayer
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapTool
from qgis.PyQt.QtCore import QLineF, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF

GRIP = 9.0


class Curtain(QgsMapCanvasItem):
    """The picture without the layer, drawn over the map up to the line."""

    def __init__(self, canvas: QgsMapCanvas, layer: QgsRasterLayer) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._layer_id = layer.id()
        self._job: QgsMapRendererParallelJob | None = None
        self._image: Any = None
        self.share = 0.5
        self.setZValue(1000)
        canvas.extentsChanged.connect(self.draw_anew)
        canvas.layersChanged.connect(self.draw_anew)
        canvas.mapCanvasRefreshed.connect(self.draw_anew)
        self.draw_anew()

    def remove(self) -> None:
        """Take it off the map."""
        for signal in (self._canvas.extentsChanged, self._canvas.layersChanged, self._canvas.mapCanvasRefreshed):
            signal.disconnect(self.draw_anew)
        self._stop()
        self._canvas.scene().removeItem(self)

    def move_to(self, x: float) -> None:
        """Put the line there, in pixels of the canvas."""
        self.share = min(1.0, max(0.0, x / max(1, self._canvas.viewport().width())))
        self.update()

    def draw_anew(self) -> None:
        """Render what lies under the layer, in threads of QGIS."""
        self._stop()
        settings = QgsMapSettings(self._canvas.mapSettings())
        layers = settings.layers()
        ids = [one.id() for one in layers]
        if self._layer_id in ids:
            settings.setLayers(layers[ids.index(self._layer_id) + 1 :])
        settings.setBackgroundColor(self._canvas.canvasColor())
        self.setRect(self._canvas.extent())
        self._job = QgsMapRendererParallelJob(settings)
        self._job.finished.connect(self._drawn)
        self._job.start()

    def paint(self, painter: QPainter, *_options: Any) -> None:
        """Paint picture, line and grip."""
        view = self._canvas.viewport()
        height, x = float(view.height()), self.share * view.width()
        if self._image is not None:
            ratio = self._image.devicePixelRatio()
            painter.drawImage(QRectF(0, 0, x, height), self._image, QRectF(0, 0, x * ratio, height * ratio))
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

    def _drawn(self) -> None:
        if self._job is not None:
            self._image = self._job.renderedImage()
            self.update()

    def _stop(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.finished.disconnect(self._drawn)
            job.cancelWithoutBlocking()


class SwipeTool(QgsMapTool):
    """Moves the line with the mouse; the wheel still zooms."""

    def __init__(self, canvas: QgsMapCanvas, layer: QgsRasterLayer) -> None:
        super().__init__(canvas)
        self.curtain: Curtain | None = Curtain(canvas, layer)
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
