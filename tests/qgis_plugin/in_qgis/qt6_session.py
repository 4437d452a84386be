"""The plugin on Qt 6: `python qt6_session.py ADDRESS SCENE PICTURE`, in a process without QGIS.

Qt, its widgets and its network are real, and so is the service; for QGIS stands qt6_stand_ins.py. It ends with
"all well".
"""

import importlib
import pkgutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QCoreApplication, QEvent, QEventLoop, QThread
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtWidgets import QApplication
from qt6_stand_ins import Iface, replace_qgis

SERVICE, SCENE, PICTURE = sys.argv[1], Path(sys.argv[2]), sys.argv[3]


def wait(done: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Let the event loop turn until it is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, what
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
        time.sleep(0.01)


def imported() -> dict[str, Any]:
    """Import every module of the plugin."""
    import geosar_qgis

    names = [one.name for one in pkgutil.walk_packages(geosar_qgis.__path__, "geosar_qgis.")]
    assert len(names) > 25
    return {name.partition(".")[2]: importlib.import_module(name) for name in names}


def uploaded(modules: dict[str, Any], panel: Any) -> str:
    """Send the scene from a thread, as an algorithm does; returns its id."""

    class Worker(QThread):
        def run(self) -> None:
            service = modules["client.service"].Service(SERVICE)
            file = modules["client.uploads"].UploadFile(SCENE, "on Qt 6")
            flow = modules["client.uploads"].upload(service, file)
            self.scene = modules["network"].carry_out(flow, panel.connection, lambda: False).id

    worker = Worker()
    worker.start()
    wait(worker.isFinished, "the upload does not end")
    return str(worker.scene)


def look_at_scene_and_job(panel: Any, scene: str, window: Iface) -> None:
    """From the list of scenes to a layer of the translation."""
    panel.refresh()
    wait(lambda: scene in panel.scenes.scenes, "the scene is not listed")
    wait(lambda: any(key[0] == scene for key in panel.scenes.pictures), "the scene has no picture")
    panel.scenes.choose(scene)
    panel.scenes._fill(panel.scenes.add_menu, layers_only=False)
    panel.scenes.translate.click()
    wait(lambda: any(job.scene == scene for job in panel.jobs.jobs.values()), "there is no job")
    job = next(job for job in panel.jobs.jobs.values() if job.scene == scene)
    wait(lambda: panel.jobs.jobs[job.id].status == "successful", "the job does not end")
    panel.jobs.xyz.click()
    wait(lambda: window.layer is not None, "no layer was added")
    assert "synthetic optical" in window.layer.name()
    assert window.layer.legend.startswith("base64:")


def swipe(panel: Any, window: Iface) -> None:
    """Paint the swipe's line."""
    panel.compare.swipe.setChecked(True)
    curtain = window.canvas.tool.curtain
    curtain._image = QImage(300, 200, QImage.Format.Format_ARGB32)
    curtain.move_to(120)
    picture = QImage(300, 200, QImage.Format.Format_ARGB32)
    painter = QPainter(picture)
    curtain.paint(painter)
    painter.end()
    panel.compare.swipe.setChecked(False)


def connect_anew(modules: dict[str, Any], panel: Any, window: Iface) -> None:
    """Try connections: the one that is there, and one where nobody answers."""
    dialog = modules["dock.connection_dialog"].ConnectionDialog(panel.connection, window)
    dialog.test.click()
    wait(lambda: "It works" in dialog.message.text(), "the dialog says nothing")
    dialog.accept()
    messages, nowhere = modules["client.messages"], modules["connections"].Connection("c", "http://127.0.0.1:9")
    with pytest.raises(messages.UnreachableError, match="Is the service running"):
        modules["network"].send(nowhere)(messages.Request("GET", nowhere.url), lambda: False)


def main() -> None:
    """Begin, connect, upload, translate, look, unload."""
    replace_qgis()
    modules = imported()
    modules["connections"].save(modules["connections"].Connection("here", SERVICE))
    window = Iface()
    window.resize(1000, 640)
    window.show()
    plugin = sys.modules["geosar_qgis"].classFactory(window)
    plugin.initGui()
    panel = plugin.panel
    panel.show()
    wait(lambda: "geosar" in panel.state.text(), "the panel does not reach the service")
    look_at_scene_and_job(panel, uploaded(modules, panel), window)
    swipe(panel, window)
    connect_anew(modules, panel, window)
    assert window.grab().save(PICTURE)
    plugin.unload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    sys.stdout.write("all well\n")


application = QApplication(sys.argv[:1])
sys.path.insert(0, str(Path(__file__).parents[3] / "qgis_plugin"))
main()
