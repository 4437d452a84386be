"""Runs inside a real QGIS (`qgis --code`), which knows nothing of the plugin yet: does what its new user does.

Installs the zip, connects, uploads, translates, adds, runs a batch, opens a model, reloads, unloads. What happened is
written to said.txt, and pictures beside it.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import processing
import pyplugin_installer
import qgis.utils
from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
from processing.modeler.ModelerDialog import ModelerDialog
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QEventLoop, QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox, QDockWidget, QTextEdit, QToolButton, QWidget
from qgis.utils import iface

OUT = Path(os.environ["GEOSAR_PICTURES"])
SAID = OUT / "said.txt"
ZIP, SERVICE = os.environ["GEOSAR_ZIP"], os.environ["GEOSAR_SERVICE"]
SCENES = os.environ["GEOSAR_SCENES"].split(os.pathsep)
NAME = "geosar_qgis"
SECONDS = 300


def spin(milliseconds: int) -> None:
    """Let the event loop turn."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(done: Callable[[], object], what: str) -> None:
    """Let it turn until it is so."""
    for _ in range(10 * SECONDS):
        if done():
            return
        spin(100)
    raise AssertionError(what)


def show(name: str, widget: QWidget | None = None) -> None:
    """Take a picture of the window."""
    spin(700)
    assert (widget or iface.mainWindow()).grab().save(str(OUT / f"{name}.png"))


def click(widget: QWidget, place: QPoint | None = None) -> None:
    """Click at a place of a widget, by default in its middle, on whatever lies uppermost there."""
    window = widget.window()
    point = widget.mapTo(window, place or widget.rect().center())
    uppermost = window.childAt(point)
    assert uppermost is not None, "nothing is seen there"
    QTest.mouseClick(uppermost, Qt.MouseButton.LeftButton, pos=uppermost.mapFrom(window, point))


def install() -> Any:
    """Install as *Install from ZIP* does; returns the panel, which is there without a restart."""
    assert NAME not in qgis.utils.available_plugins
    pyplugin_installer.instance().installFromZipFile(ZIP)
    assert NAME in qgis.utils.active_plugins
    assert QgsApplication.processingRegistry().algorithmById("geosar:translate") is not None
    panel = qgis.utils.plugins[NAME].panel
    assert panel.isVisible()
    assert "press +" in panel.state.text()
    return panel


def connect(panel: Any) -> None:
    """Fill in the dialog, try, and save."""

    def fill() -> None:
        dialog = QgsApplication.activeModalWidget()
        dialog.name.setText("my computer")
        dialog.url.setText(SERVICE)
        click(dialog.test)
        wait(lambda: "It works" in dialog.message.text(), "the connection does not work")
        show("connection", dialog)
        click(dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok))

    QTimer.singleShot(500, fill)
    click(next(one for one in panel.findChildren(QToolButton) if one.toolTip() == "New connection"))
    wait(lambda: "geosar" in panel.state.text(), panel.state.text())


def translate(panel: Any) -> None:
    """From a layer to its translation, by the buttons."""
    layer = iface.addRasterLayer(SCENES[0], "the first scene")
    iface.setActiveLayer(layer)
    click(panel.scenes.send, QPoint(20, panel.scenes.send.height() // 2))
    wait(lambda: panel.scenes.chosen() is not None, "the scene is not there")
    show("uploaded")
    click(panel.scenes.translate, QPoint(20, panel.scenes.translate.height() // 2))
    wait(lambda: [job.status for job in panel.jobs.jobs.values()] == ["successful"], "it is not translated")
    wait(panel.jobs.xyz.isEnabled, "the new job is not selected")
    click(panel.jobs.xyz)
    wait(lambda: "synthetic" in iface.activeLayer().name(), "the translation is not added")
    click(panel.compare.swipe)
    assert panel.compare.swipe.isChecked()
    spin(3000)
    show("swipe")
    click(panel.compare.swipe)


def batch() -> None:
    """Three scenes in the dialog *Execute as Batch Process*, by its own widgets; the window stays alive."""
    dialog = BatchAlgorithmDialog(QgsApplication.processingRegistry().createAlgorithmById("geosar:translate"))
    panel, context = dialog.mainWidget(), processing.gui.ProcessingToolbox.dataobjects.createContext()
    dialog.show()
    outputs = [str(OUT / f"batch{number}.tif") for number in range(len(SCENES))]
    while panel.batchRowCount() < len(SCENES):
        panel.addRow()
    for row, (scene, output) in enumerate(zip(SCENES, outputs, strict=True)):
        for name, value in (("INPUT", scene), ("CONNECTION", "my computer")):
            panel.wrappers[row][panel.parameter_to_column[name]].setParameterValue(value, context)
        panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"]).setValue(output)
    panel.checkLoadLayersOnCompletion.setChecked(True)
    dialog.resize(1200, 420)
    show("batch", dialog)
    beats: list[int] = []
    clock = QTimer()
    clock.timeout.connect(lambda: beats.append(1))
    clock.start(50)
    dialog.runButton().click()
    wait(lambda: all(Path(one).exists() for one in outputs), "the batch is not done")
    wait(lambda: dialog.runButton().isEnabled(), "the dialog does not end")
    assert len(beats) > 10
    show("batch-done", dialog)
    text = " ".join(one.toPlainText() for one in dialog.findChildren(QTextEdit))
    assert "correctly executed" in text, text
    assert "not correctly generated" not in text, text
    names = [layer.name() for layer in QgsProject.instance().mapLayers().values()]
    assert sum("synthetic optical" in name for name in names) > len(SCENES), names
    dialog.close()


def model() -> None:
    """The model in the model designer."""
    sys.path.insert(0, os.environ["GEOSAR_TESTS"])
    from inside import chain

    designer = ModelerDialog.create(chain())
    designer.resize(1200, 700)
    designer.show()
    show("model", designer)
    designer.setDirty(False)
    designer.close()


def reload() -> None:
    """Three times out and in again."""
    for _ in range(3):
        assert qgis.utils.unloadPlugin(NAME)
        assert qgis.utils.loadPlugin(NAME)
        assert qgis.utils.startPlugin(NAME)
        spin(200)
    assert qgis.utils.unloadPlugin(NAME)
    spin(500)


def go() -> None:
    """Do it, and write down how it went."""
    try:
        window = iface.mainWindow()
        window.move(0, 0)
        window.resize(1400, 900)
        panel = install()
        docks = {one.objectName(): one for one in window.findChildren(QDockWidget)}
        docks["Browser"].hide()
        window.resizeDocks([docks["Layers"], panel], [300, 340], Qt.Orientation.Horizontal)
        show("installed")
        connect(panel)
        translate(panel)
        batch()
        model()
        reload()
        SAID.write_text("all well\n", encoding="utf-8")
    except Exception:  # noqa: BLE001 - whatever it was, it is written down
        SAID.write_text(traceback.format_exc(), encoding="utf-8")
    os._exit(0)


QTimer.singleShot(2000, go)
