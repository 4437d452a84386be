"""The bar that compares: how much one sees through the selected layer, and the swipe."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication, QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from ..words import tr
from .swipe import SwipeTool


class CompareBar(QWidget):
    """Acts on the layer that is selected in QGIS."""

    def __init__(self, iface: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._canvas = iface.mapCanvas()
        self._tool: SwipeTool | None = None
        self._before: Any = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setValue(100)
        self.slider.setToolTip(tr("Opacity of the selected layer"))
        self.swipe = QToolButton()
        self.swipe.setText(tr("Swipe"))
        self.swipe.setIcon(QgsApplication.getThemeIcon("mActionSplitFeatures.svg"))
        self.swipe.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.swipe.setCheckable(True)
        self.swipe.setToolTip(tr("Drag a line over the map: left of it the selected layer is hidden"))
        self.left = side(tr("What lies below"))
        self.right = side(tr("The map as it is"))
        top = QHBoxLayout()
        top.addWidget(QLabel(tr("Opacity")))
        top.addWidget(self.slider, 1)
        top.addWidget(self.swipe)
        self.sides = QWidget()
        chosen = QHBoxLayout(self.sides)
        chosen.setContentsMargins(0, 0, 0, 0)
        for words, combo in ((tr("Left"), self.left), (tr("Right"), self.right)):
            chosen.addWidget(QLabel(words))
            chosen.addWidget(combo, 1)
            combo.layerChanged.connect(self._choose)
        self.sides.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.sides)
        self.slider.valueChanged.connect(self._fade)
        self.swipe.toggled.connect(self._toggle)
        iface.currentLayerChanged.connect(self._selected)
        self._selected(iface.activeLayer())

    def stop(self) -> None:
        """Take the swipe away and let go of QGIS's signals."""
        self.swipe.setChecked(False)
        self._iface.currentLayerChanged.disconnect(self._selected)

    def _selected(self, layer: Any) -> None:
        usable = isinstance(layer, QgsRasterLayer)
        self.slider.setEnabled(usable)
        self.swipe.setEnabled(usable or self.swipe.isChecked())
        if usable:
            self.slider.blockSignals(True)
            self.slider.setValue(round(100 * layer.opacity()))
            self.slider.blockSignals(False)
        if self._tool is not None and usable:
            self._end()
            self._begin(layer)

    def _fade(self, value: int) -> None:
        layer = self._iface.activeLayer()
        if isinstance(layer, QgsRasterLayer):
            layer.setOpacity(value / 100)
            layer.triggerRepaint()

    def _toggle(self, on: bool) -> None:
        self.sides.setVisible(on)
        layer = self._iface.activeLayer()
        if on and isinstance(layer, QgsRasterLayer):
            self._begin(layer)
        else:
            self._end()

    def _begin(self, layer: QgsRasterLayer) -> None:
        self._before = self._canvas.mapTool()
        self._tool = SwipeTool(self._canvas, layer, *self._chosen())
        self._canvas.setMapTool(self._tool)
        self._tool.deactivated.connect(self._gone)

    def _end(self) -> None:
        tool, self._tool = self._tool, None
        if tool is not None:
            tool.deactivated.disconnect(self._gone)
            self._canvas.unsetMapTool(tool)
            if self._before is not None:
                self._canvas.setMapTool(self._before)

    def _chosen(self) -> tuple[str, str]:
        left, right = (one.currentLayer() for one in (self.left, self.right))
        return left.id() if left is not None else "", right.id() if right is not None else ""

    def _choose(self, _layer: Any) -> None:
        if self._tool is not None and self._tool.curtain is not None:
            self._tool.curtain.choose(*self._chosen())

    def _gone(self) -> None:
        """Another tool was chosen."""
        self._tool = None
        self.swipe.setChecked(False)


def side(nothing: str) -> QgsMapLayerComboBox:
    """Make the choice of what is on a side: one of the project's rasters, or what no choice means."""
    combo = QgsMapLayerComboBox()
    combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
    combo.setAllowEmptyLayer(True, nothing)
    combo.setLayer(None)
    combo.setMinimumContentsLength(6)
    combo.setSizeAdjustPolicy(combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo
