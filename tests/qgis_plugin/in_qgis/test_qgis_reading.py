"""How a scene is read is changed by hand: from the scene's menu, in a dialog that says what is wrong and stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis.client.service import Service
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock.reading_dialog import ReadingDialog
from inside import ask, choose, click, click_menu, spin, wait
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QComboBox, QDialogButtonBox

Make = Callable[..., Path]


@pytest.fixture
def scene(served: Any, make_sar: Make) -> Any:
    connection, service = Connection("c", served.url), Service(served.url)
    found = ask(connection, upload(service, UploadFile(make_sar("read_vv.tif", seed=977), "to be read")))
    return ask(connection, service.prepared(found.id))


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


def test_unit_and_bands_of_a_scene_are_changed_from_its_menu(plugin: Any, scene: Any, served: Any) -> None:
    panel = plugin.panel
    place = choose(panel, scene)
    click_menu(panel.scenes.list.viewport(), place, "Read it otherwise ...", Qt.MouseButton.RightButton)
    wait(lambda: panel.findChild(ReadingDialog) is not None)
    dialog = panel.findChild(ReadingDialog)
    wait(dialog.isVisible)
    spin(0.3)
    pick(dialog.unit, dialog.unit.findData("amplitude"))
    click(dialog.band)
    QTest.keyClicks(dialog.band, "VV=9")
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    click(ok)
    wait(lambda: "9" in dialog.told.text() and ok.isEnabled())
    dialog.band.selectAll()
    QTest.keyClicks(dialog.band, "VV=1")
    click(ok)
    wait(lambda: panel.findChild(ReadingDialog) is None, 60)
    found = ask(Connection("c", served.url), Service(served.url).scene(scene.id))
    assert (found.said.unit, found.said.band) == ("amplitude", ("VV=1",))
    wait(lambda: panel.scenes.scenes[scene.id].said.unit == "amplitude")
