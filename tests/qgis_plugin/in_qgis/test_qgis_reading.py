"""How a scene is read is changed by hand: from the scene's menu, in a dialog that says what is wrong and stays."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis.client.service import Service
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock.reading_dialog import ReadingDialog
from geosar_qgis.words import speak, tr
from inside import Window, ask, choose, click, click_menu, pick, spin, wait
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox, QLabel, QLineEdit, QWidget

Make = Callable[..., Path]


@pytest.fixture
def scene(served: Any, make_sar: Make) -> Any:
    connection, service = Connection("c", served.url), Service(served.url)
    uploaded = ask(connection, upload(service, UploadFile(make_sar("read_vv.tif", seed=977), "to be read")))
    return ask(connection, service.prepared(uploaded.id))


def opened(panel: Any, scene: Any) -> ReadingDialog:
    """Choose the scene, and open the dialog from its menu."""
    place = choose(panel, scene)
    click_menu(panel.scenes.list.viewport(), place, tr("Read it otherwise ..."), Qt.MouseButton.RightButton)
    wait(lambda: panel.findChild(ReadingDialog) is not None)
    dialog = panel.findChild(ReadingDialog)
    wait(dialog.isVisible)
    spin(0.3)
    return dialog


def enter(line: QLineEdit, words: str) -> None:
    """Click into a line, and type in place of what it says."""
    click(line)
    line.selectAll()
    QTest.keyClicks(line, words)


def ok_of(dialog: ReadingDialog) -> QWidget:
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def refused_for(dialog: ReadingDialog, words: str) -> None:
    """Click OK; the dialog stays and says these words, all of which can be read."""
    ok = ok_of(dialog)
    click(ok)
    wait(lambda: words in dialog.message.text() and ok.isEnabled())
    spin(0.1)
    assert dialog.message.height() >= dialog.message.heightForWidth(dialog.message.width()), dialog.message.text()


def test_unit_and_bands_of_a_scene_are_changed_from_its_menu(plugin: Any, scene: Any, served: Any) -> None:
    panel = plugin.panel
    dialog = opened(panel, scene)
    pick(dialog.unit, dialog.unit.findData("amplitude"))
    enter(dialog.band, "VV=9")
    refused_for(dialog, "9")
    enter(dialog.band, "VV=1")
    click(ok_of(dialog))
    wait(lambda: panel.findChild(ReadingDialog) is None, 60)
    changed = ask(Connection("c", served.url), Service(served.url).scene(scene.id))
    assert (changed.reading.unit, changed.reading.band) == ("amplitude", ("VV=1",))
    wait(lambda: panel.scenes.scenes[scene.id].reading.unit == "amplitude")


def test_mask_band_crs_and_border_of_a_scene_are_changed_and_taken_back(
    plugin: Any, served: Any, make_sar: Make
) -> None:
    """A scene of two bands, of which the second becomes its mask."""
    panel, connection, service = plugin.panel, Connection("c", served.url), Service(served.url)
    sent = ask(connection, upload(service, UploadFile(make_sar("masked.tif", seed=978, bands=2), "masked")))
    scene = ask(connection, service.prepared(sent.id))
    dialog = opened(panel, scene)
    assert (dialog.mask_band.text(), dialog.crs.text(), dialog.keep_border.isChecked()) == ("", "", False)
    enter(dialog.band, "VV=1")
    enter(dialog.crs, "EPSG:1")
    refused_for(dialog, "EPSG:1")
    enter(dialog.crs, "EPSG:32644")
    enter(dialog.mask_band, "7")
    refused_for(dialog, "7")
    enter(dialog.mask_band, "2")
    click(dialog.keep_border, QPoint(10, dialog.keep_border.height() // 2))
    assert dialog.keep_border.isChecked()
    click(ok_of(dialog))
    wait(lambda: panel.findChild(ReadingDialog) is None, 60)
    changed = ask(connection, service.scene(scene.id))
    assert (changed.reading.mask_band, changed.reading.crs, changed.reading.keep_border) == ("2", "EPSG:32644", True)
    assert changed.bbox[0] == pytest.approx(scene.bbox[0] + 6, abs=1e-3), "the zone to the east of its own"
    wait(lambda: panel.scenes.scenes[scene.id].reading == changed.reading)

    dialog = opened(panel, panel.scenes.scenes[scene.id])
    assert (dialog.mask_band.text(), dialog.crs.text(), dialog.keep_border.isChecked()) == ("2", "EPSG:32644", True)
    for line in (dialog.mask_band, dialog.crs, dialog.band):
        click(line)
        line.selectAll()
        QTest.keyClick(line, Qt.Key.Key_Delete)
    click(dialog.keep_border, QPoint(10, dialog.keep_border.height() // 2))
    click(ok_of(dialog))
    wait(lambda: panel.findChild(ReadingDialog) is None, 60)
    assert ask(connection, service.scene(scene.id)).reading == scene.reading, "nothing is said any more"


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_no_words_of_the_dialog_are_cut_in_any_language(window: Window, language: str, scene: Any, served: Any) -> None:
    speak(language)
    try:
        dialog = ReadingDialog(scene, Connection("c", served.url), window)
        dialog.show()
        spin(0.3)
        for line in dialog.findChildren(QLineEdit):
            needed = line.fontMetrics().horizontalAdvance(line.placeholderText())
            assert needed + 12 <= line.width(), line.placeholderText()
        for label in dialog.findChildren(QLabel):
            assert label.width() >= label.minimumSizeHint().width(), label.text()
        for other in (dialog.keep_border, dialog.unit, dialog.polarisation, *dialog.buttons.buttons()):
            assert other.width() >= other.minimumSizeHint().width(), other
        if os.environ.get("GEOSAR_PICTURES"):
            dialog.grab().save(f"{os.environ['GEOSAR_PICTURES']}/reading-{language}.png")
        dialog.reject()
    finally:
        speak("en")
