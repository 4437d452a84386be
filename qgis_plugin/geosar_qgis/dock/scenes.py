"""The tab of scenes: what the service has, with small pictures, and what can be done with it."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..client.answers import Scene
from ..words import tr
from .clocks import single_shot

PICTURE = 72
TYPING_MILLISECONDS = 350
ID = Qt.ItemDataRole.UserRole
Entry = tuple[str, str, bool]
"""Of a menu: what is wanted ("" for a line), its words, and whether it can be had."""


class ScenesTab(QWidget):
    """Shows scenes and says what the user wants; the panel does it."""

    wanted = pyqtSignal(str, object)
    """What is wanted ("translate", "view", "model:NAME", "sar", "optical", "save_optical", ...) and of which scene."""
    filtered = pyqtSignal()
    upload = pyqtSignal(bool)
    """Send the layer that is selected; True asks for details first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scenes: dict[str, Scene] = {}
        self.pictures: dict[tuple[str, str], QIcon] = {}
        self.models: tuple[str, ...] = ()
        self.text = QLineEdit()
        self.text.setPlaceholderText(tr("Part of the name"))
        self.text.setClearButtonEnabled(True)
        self.in_view = QCheckBox(tr("In view"))
        self.in_view.setToolTip(tr("Only scenes that the map shows now"))
        self.list = QListWidget()
        self.list.setIconSize(QSize(PICTURE, PICTURE))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setAlternatingRowColors(True)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setEnabled(False)
        # It lies over the whole list, whose clicks and wheel it must not take.
        self.empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        QVBoxLayout(self.list).addWidget(self.empty)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.send = self._button(tr("Upload layer"), "mActionSharingExport.svg", self._upload_menu())
        self.send.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.send.setToolTip(tr("Send the layer that is selected in the layer list"))
        self.send.clicked.connect(lambda: self.upload.emit(False))
        self.translate_menu = QMenu(self)
        self.translate = self._button(tr("Translate"), "mActionStart.svg", self.translate_menu)
        self.translate.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.translate_menu.aboutToShow.connect(self._fill_translate_menu)
        self.translate.setToolTip(tr("Have the whole scene translated by the service"))
        self.translate.clicked.connect(lambda: self._want("translate"))
        self.add_menu = QMenu(self)
        self.add = self._button(tr("Add"), "mActionAddRasterLayer.svg", self.add_menu)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setToolTip(tr("Add a layer of the scene to the map"))
        self.add_menu.aboutToShow.connect(self._fill_menu)
        self._arrange()
        self._clock = single_shot(self, self.filtered.emit)
        self._clock.setInterval(TYPING_MILLISECONDS)
        self.text.textChanged.connect(lambda _text: self._clock.start())
        self.in_view.toggled.connect(lambda _on: self.filtered.emit())
        self.list.itemDoubleClicked.connect(lambda _item: self._want("zoom"))
        self.list.customContextMenuRequested.connect(self._context_menu)
        self.list.itemSelectionChanged.connect(self._choose)
        self._choose()

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.text, 1)
        top.addWidget(self.in_view)
        bottom = QHBoxLayout()
        for button in (self.send, self.translate, self.add):
            bottom.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        layout.addLayout(bottom)

    def show_scenes(self, scenes: list[Scene]) -> None:
        """Show these; what was selected stays so."""
        chosen = self.chosen()
        self.scenes = {one.id: one for one in scenes}
        self.list.clear()
        for scene in scenes:
            item = QListWidgetItem(self.pictures.get(_key(scene), blank()), f"{scene.name}\n{details_of(scene)}")
            item.setData(ID, scene.id)
            item.setSizeHint(QSize(PICTURE, PICTURE + 4))  # as wide as the list, its text cut with three dots
            item.setToolTip(f"{scene.name}\n{scene.filename}, {scene.size / 1e6:.1f} MB\n{tr('id')}: {scene.id}")
            self.list.addItem(item)
            if chosen is not None and scene.id == chosen.id:
                self.list.setCurrentItem(item)
        narrowed = self.in_view.isChecked() or bool(self.text.text())
        begin = tr("No scenes yet: drop a SAR image here, or select a SAR layer and press Upload layer.")
        none = tr("No such scene.") if narrowed else begin
        self.empty.setText("" if scenes else none)
        self.empty.setVisible(not scenes)

    def clear(self) -> None:
        """Show nothing, until the scenes of a service are there."""
        self.show_scenes([])
        self.empty.clear()
        self.pictures.clear()

    def without_picture(self) -> list[Scene]:
        """Return the scenes whose picture is not there yet."""
        return [one for one in self.scenes.values() if _key(one) not in self.pictures and one.state != "failed"]

    def set_picture(self, scene: Scene, data: bytes) -> None:
        """Show a scene's picture."""
        image = QImage.fromData(data)
        if image.isNull():
            return
        self.pictures[_key(scene)] = icon = framed(image)
        for row in range(self.list.count()):
            if self.list.item(row).data(ID) == scene.id:
                self.list.item(row).setIcon(icon)

    def forget_picture(self, scene: Scene) -> None:
        """Ask anew for the pictures of a scene: it looks otherwise."""
        for key in [key for key in self.pictures if key[0] == scene.id]:
            del self.pictures[key]

    def chosen(self) -> Scene | None:
        """Return the scene that is selected."""
        item = self.list.currentItem()
        return None if item is None else self.scenes.get(str(item.data(ID)))

    def choose(self, identifier: str) -> None:
        """Select a scene."""
        for row in range(self.list.count()):
            if self.list.item(row).data(ID) == identifier:
                self.list.setCurrentRow(row)

    def _choose(self) -> None:
        there = self.chosen() is not None
        self.translate.setEnabled(there)
        self.add.setEnabled(there)

    def _want(self, what: str) -> None:
        scene = self.chosen()
        if scene is not None:
            self.wanted.emit(what, scene)

    def _fill_menu(self) -> None:
        self._fill(self.add_menu, layers_only=True)

    def _fill_translate_menu(self) -> None:
        self._act(self.translate_menu, self._ways())

    def _ways(self) -> list[Entry]:
        """Return the ways to translate the scene that is chosen."""
        scene = self.chosen()
        if scene is None:
            return []
        models = self.models if len(self.models) > 1 else ()
        return [
            ("view", tr("Translate this view"), scene.georeferenced),
            *((f"model:{name}", tr("Translate with {0}").format(name), True) for name in models),
            ("translate_details", tr("Translate with details ..."), True),
        ]

    def _fill(self, menu: QMenu, *, layers_only: bool) -> None:
        scene = self.chosen()
        if scene is None:
            menu.clear()
            return
        there = scene.layers
        placed = scene.georeferenced
        entries = [
            ("live", tr("Live layer (translated on the fly)"), placed),
            ("optical", tr("Synthetic image, as XYZ"), "optical" in there and placed),
            ("optical_file", tr("Synthetic image, as COG"), "optical" in there),
            ("error", tr("Expected error, as XYZ"), "error" in there and placed),
            ("error_file", tr("Expected error, as COG"), "error" in there),
            ("sar", tr("SAR image, as XYZ"), placed),
            ("despeckled", tr("Despeckled SAR image, as XYZ"), "despeckled" in there and placed),
            ("despeckled_file", tr("Despeckled SAR image, as COG"), "despeckled" in there),
            ("", "", True),
            ("save_optical", tr("Save the synthetic image as a file ..."), "optical" in there),
            ("save_error", tr("Save the expected error as a file ..."), "error" in there),
            ("save_despeckled", tr("Save the despeckled SAR image as a file ..."), "despeckled" in there),
        ]
        if not layers_only:
            entries += [
                ("", "", True),
                ("translate", tr("Translate"), True),
                *self._ways(),
                ("reading", tr("Read it otherwise ..."), True),
                ("zoom", tr("Zoom to it"), placed),
                ("web", tr("Open in the web map"), True),
                ("", "", True),
                ("remove", tr("Remove from the service ..."), True),
            ]
        self._act(menu, entries)

    def _act(self, menu: QMenu, entries: list[Entry]) -> None:
        menu.clear()
        for what, words, enabled in entries:
            if not what:
                menu.addSeparator()
                continue
            action = menu.addAction(words)
            action.setEnabled(enabled)
            action.triggered.connect(lambda _checked=False, what=what: self._want(what))

    def _context_menu(self, place: Any) -> None:
        if self.list.itemAt(place) is not None and self.chosen() is not None:
            menu = QMenu(self)
            self._fill(menu, layers_only=False)
            menu.exec(self.list.mapToGlobal(place))
            menu.deleteLater()

    def _upload_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Upload with details ...")).triggered.connect(lambda: self.upload.emit(True))
        return menu

    def _button(self, words: str, icon: str, menu: QMenu | None = None) -> QToolButton:
        button = QToolButton(self)
        button.setText(words)
        button.setIcon(QgsApplication.getThemeIcon(icon))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        button.setSizePolicy(policy)
        if menu is not None:
            button.setMenu(menu)
        return button


def details_of(scene: Scene) -> str:
    """Say the most important of a scene in two lines."""
    first = [", ".join(scene.polarisations), f"{scene.width} x {scene.height}"]
    when = (scene.acquired or scene.created)[:10]
    state = {
        "preparing": tr("being prepared"),
        "failed": tr("cannot be shown: {0}").format(scene.message),
    }.get(scene.state, tr("translated") if "optical" in scene.layers else tr("not translated yet"))
    if not scene.georeferenced:
        state += ", " + tr("no place on the map")
    return f"{' · '.join(filter(None, first))}\n{when} · {state}"


def framed(image: QImage) -> QIcon:
    """Fit a picture into a square."""
    pixmap = blank_pixmap()
    fitted = image.scaled(
        PICTURE, PICTURE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    painter = QPainter(pixmap)
    painter.drawImage((PICTURE - fitted.width()) // 2, (PICTURE - fitted.height()) // 2, fitted)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else it is tinted where it is selected
    return icon


def blank() -> QIcon:
    """Return the picture of a scene that has none yet."""
    return QIcon(blank_pixmap())


def blank_pixmap() -> QPixmap:
    """Return a grey square."""
    pixmap = QPixmap(PICTURE, PICTURE)
    pixmap.fill(QColor(128, 128, 128, 40))
    return pixmap


def _key(scene: Scene) -> tuple[str, str]:
    return scene.id, "optical" if "optical" in scene.layers else scene.state
