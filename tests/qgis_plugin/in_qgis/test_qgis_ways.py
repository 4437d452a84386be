"""What the panel can do with what lies around: the view, files that are dropped, a service of one's own, a folder."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PYTHON, ROOT, tiny_model
from geosar_qgis import classFactory, connections, local_service
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock.local_dialog import LocalDialog
from geosar_qgis.layers import to_degrees
from geosar_qgis.words import speak
from inside import Window, answer, arrow, ask, choose, click, click_menu, drop, press_offered, spin, wait
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsMimeDataUtils,
    QgsProject,
    QgsRectangle,
    QgsSettings,
)
from qgis.PyQt.QtCore import QMimeData, QPoint, Qt, QTimer, QUrl
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLabel, QLineEdit, QMessageBox

Make = Callable[..., Path]
YES, NO = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No


@pytest.fixture
def scene(served: Any, make_sar: Make) -> Any:
    connection, service = Connection("c", served.url), Service(served.url)
    uploaded = ask(connection, upload(service, UploadFile(make_sar("ways_vv.tif", seed=23), "ways")))
    return ask(connection, service.prepared(uploaded.id))


def test_what_the_map_shows_is_translated_and_by_the_model_that_is_chosen(plugin: Any, served: Any, scene: Any) -> None:
    panel, window = plugin.panel, plugin.iface
    choose(panel, scene)
    window.canvas.setExtent(QgsRectangle(0, 0, 1000, 1000))
    button = panel.scenes.translate
    words = click_menu(button, arrow(button), "Translate this view")
    assert {"Translate with tiny", "Translate with s1-rgb", "Translate with details ..."} <= set(words)
    wait(lambda: "shows nothing of ways" in window.messages())
    west, south = 600_000 + 5000 * 23, 1_200_000 - 2000
    window.canvas.setExtent(QgsRectangle(west + 500, south + 500, west + 1500, south + 1000))
    seen = window.canvas.extent()
    click_menu(button, arrow(button), "Translate this view")
    wait(lambda: any(one.scene == scene.id for one in panel.jobs.jobs.values()))
    (job,) = [one.id for one in panel.jobs.jobs.values() if one.scene == scene.id]
    wait(lambda: not panel.jobs.jobs[job].live, 90)
    assert panel.jobs.jobs[job].status == "successful", panel.jobs.jobs[job].message
    connection, service = Connection("c", served.url), Service(served.url)
    tiles = ask(connection, service.tiles(scene.id, "optical", job=job))
    expected = to_degrees(seen, window.canvas.mapSettings().destinationCrs())
    cut = (
        max(expected[0], scene.bbox[0]),
        max(expected[1], scene.bbox[1]),
        min(expected[2], scene.bbox[2]),
        min(expected[3], scene.bbox[3]),
    )
    assert tiles.bounds == pytest.approx(cut, abs=3e-4), "up to a pixel or two, and the turn of the grid"
    assert tiles.bounds[2] - tiles.bounds[0] < 0.9 * (scene.bbox[2] - scene.bbox[0])
    bar = panel.tabs.tabBar()
    click(bar, bar.tabRect(0).center())
    choose(panel, scene)
    click_menu(button, arrow(button), "Translate with tiny")
    wait(lambda: sum(one.scene == scene.id for one in panel.jobs.jobs.values()) == 2)


def test_files_and_layers_that_are_dropped_are_sent_once_that_was_asked(
    plugin: Any, served: Any, make_sar: Make, tmp_path: Path
) -> None:
    panel, window = plugin.panel, plugin.iface
    names = ("s1a-iw-grd-vv-20240501-001.tif", "s1a-iw-grd-vh-20240501-002.tif")
    paths = [make_sar(name, seed=312 + number) for number, name in enumerate(names)]
    paths[1] = make_sar(names[1], seed=312)
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    questions = answer(NO)
    assert drop(panel.scenes.list, files)
    wait(lambda: bool(questions))
    assert "Send to here?" in questions[0]
    assert "s1a-iw-grd-vv-20240501-001 + s1a-iw-grd-vh-20240501-002" in questions[0], "one scene of two polarisations"
    spin(0.2)
    assert panel.jobs._transfers() == 0
    questions = answer(YES)
    assert drop(panel.scenes.list, files)
    wait(lambda: any(one.polarisations == ("VV", "VH") for one in panel.scenes.scenes.values()))
    # As QGIS's browser drags a raster.
    uri = QgsMimeDataUtils.Uri()
    uri.layerType, uri.providerKey, uri.name, uri.uri = (
        "raster",
        "gdal",
        "browsed_vv",
        str(make_sar("browsed_vv.tif", seed=314)),
    )
    questions = answer(YES)
    assert drop(panel.scenes.list, QgsMimeDataUtils.encodeUriList([uri]))
    wait(lambda: any(one.name == "browsed_vv" for one in panel.scenes.scenes.values()))
    assert "- browsed_vv" in questions[0]
    note = tmp_path / "note.txt"
    note.write_text("no raster")
    files.setUrls([QUrl.fromLocalFile(str(note))])
    drop(panel.scenes.list, files)
    assert "note.txt is no raster" in window.messages()
    words = QMimeData()
    words.setText("only words")
    assert not drop(panel.scenes.list, words)


def test_a_result_is_saved_from_the_panel(plugin: Any, served: Any, scene: Any, tmp_path: Path) -> None:
    panel, window = plugin.panel, plugin.iface
    connection, service = Connection("c", served.url), Service(served.url)
    results = ask(connection, completed(service, scene.id, TranslateRequest()))
    place = choose(panel, scene)
    wait(lambda: "optical" in panel.scenes.chosen().layers)
    target = tmp_path / "mine.tif"

    def name_it() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QFileDialog):
            QTimer.singleShot(50, name_it)
            return
        line = dialog.findChild(QLineEdit, "fileNameEdit")
        assert line.text() == "ways_optical.tif"
        line.selectAll()
        QTest.keyClicks(line, str(target))
        QTest.keyClick(line, Qt.Key.Key_Return)

    QTimer.singleShot(50, name_it)
    click_menu(
        panel.scenes.list.viewport(), place, "Save the synthetic image as a file ...", Qt.MouseButton.RightButton
    )
    wait(lambda: "mine.tif is saved" in window.messages())
    assert panel.jobs._transfers() == 0
    assert gdal.Open(str(target)).RasterXSize == scene.width
    assert target.stat().st_size > 1000
    assert not list(tmp_path.glob("*.part"))
    press_offered(window)
    wait(lambda: any(str(target) in one.source() for one in QgsProject.instance().mapLayers().values()))
    assert "synthetic" in window.activeLayer().name()
    assert results.job


def program(folder: Path, lines: str) -> Path:
    """Make a program called geosar, in an environment."""
    path = folder / "bin" / "geosar"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return folder


@pytest.fixture
def without_geosar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No geosar on the PATH, none named, and a folder for scenes."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    local_service.remember("", str(tmp_path / "scenes"))
    yield
    QgsSettings().remove("geosar/local")


def test_a_service_on_this_computer_is_started_by_a_click_and_ended_by_one(
    window: Window, without_geosar: None, tmp_path: Path
) -> None:
    environment = program(
        tmp_path / "env" if (tmp_path / "env").mkdir() is None else tmp_path,
        f"export PYTHONPATH='{os.environ.get('PYTHONPATH') or ROOT / 'src'}' GEOSAR_MODEL='{tiny_model(tmp_path)}'\n"
        f"exec '{PYTHON}' -c 'import sys; from geosar.cli import main; sys.exit(main())' \"$@\"",
    )
    plugin = classFactory(window)
    plugin.initGui()
    panel = plugin.panel
    panel.show()
    spin(0.2)
    assert "start one on this computer" in panel.state.text()
    here = panel.bar.here
    click(here, QPoint(10, here.height() // 2))
    wait(lambda: panel.findChild(LocalDialog) is not None)
    dialog = panel.findChild(LocalDialog)
    wait(dialog.isVisible)
    for label in dialog.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width()), "no words are cut"
    start = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    click(start)
    wait(lambda: "not on the PATH" in dialog.message.text())
    click(dialog.place.lineEdit())
    QTest.keyClicks(dialog.place.lineEdit(), str(tmp_path))
    click(start)
    wait(lambda: "There is no geosar in" in dialog.message.text())
    dialog.place.lineEdit().selectAll()
    QTest.keyClicks(dialog.place.lineEdit(), str(environment))
    click(start)
    wait(lambda: "geosar" in panel.state.text() and "model tiny" in panel.state.text(), 90)
    assert here.isChecked()
    assert panel.connection.url.startswith("http://127.0.0.1:")
    assert (tmp_path / "scenes" / "catalogue.sqlite").exists()
    click(here, QPoint(10, here.height() // 2))
    wait(lambda: not panel.bar.service.running)
    wait(lambda: panel.connection is None)
    assert not here.isChecked()
    assert not connections.saved()
    plugin.unload()


def test_the_service_on_this_computer_ends_with_qgis_and_its_last_words_are_shown(
    window: Window, without_geosar: None, served: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "env"
    folder.mkdir()
    command = f'echo "geosar serves here at {served.url}/ (documentation at /docs)"'
    program(folder, f"echo $$ > '{tmp_path}/pid'\n{command}\ncat > /dev/null\n")
    local_service.remember(str(folder), str(tmp_path / "scenes"))
    plugin = classFactory(window)
    plugin.initGui()
    panel = plugin.panel
    panel.show()
    spin(0.1)
    here = panel.bar.here
    click(here, QPoint(10, here.height() // 2))
    wait(lambda: panel.connection is not None and "model tiny" in panel.state.text())
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    plugin.unload()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not connections.saved()
    (folder / "bin" / "geosar").write_text("#!/bin/sh\necho 'Error: the store is full.' >&2\nexit 2\n")
    plugin = classFactory(window)
    plugin.initGui()
    plugin.panel.show()
    spin(0.1)
    click(plugin.panel.bar.here, QPoint(10, here.height() // 2))
    wait(lambda: "has ended: the store is full." in window.messages())
    assert not plugin.panel.bar.here.isChecked()
    plugin.unload()


def test_geosar_is_found_in_an_environment_of_either_system(tmp_path: Path) -> None:
    for number, inside in enumerate(("bin/geosar", "Scripts/geosar.exe", ".venv/bin/geosar")):
        path = tmp_path / str(number) / inside
        path.parent.mkdir(parents=True)
        path.touch()
        assert local_service.program(str(tmp_path / str(number))) == str(path)
    assert local_service.program(sys.executable) == sys.executable, "a program that is named itself"


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_the_panel_is_as_narrow_in_every_language(
    window: Window, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(QgsApplication, "locale", lambda: language)
    plugin = classFactory(window)
    plugin.initGui()
    try:
        panel = plugin.panel
        panel.show()
        words = {"en": "No connection yet", "de": "Noch keine Verbindung", "es": "Aún no hay conexión"}
        assert words[language] in panel.state.text()
        assert panel.minimumSizeHint().width() <= 480, "with the wide letters of a screen that is none"
        if os.environ.get("GEOSAR_PICTURES"):
            panel.bar.state.repaint()
            window.grab().save(f"{os.environ['GEOSAR_PICTURES']}/panel-{language}.png")
    finally:
        plugin.unload()
        speak("en")
