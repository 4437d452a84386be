"""Runs inside a real QGIS (`qgis --code`): loads the plugin, takes a picture of the window, unloads it, ends QGIS."""

import os
import traceback
from pathlib import Path

import qgis.utils
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.utils import iface

OUT = Path(os.environ["GEOSAR_PICTURES"])
SAID = OUT / "said.txt"


def spin(milliseconds: int) -> None:
    """Let the event loop turn."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def go() -> None:
    """Do it, and write down how it went."""
    try:
        qgis.utils.updateAvailablePlugins()
        assert qgis.utils.loadPlugin("geosar_qgis")
        assert qgis.utils.startPlugin("geosar_qgis")
        from geosar_qgis import connections

        connections.save(connections.Connection("the test", os.environ["GEOSAR_SERVICE"]))
        window = iface.mainWindow()
        window.move(0, 0)
        window.resize(1400, 900)
        panel = qgis.utils.plugins["geosar_qgis"].panel
        panel._fill_combo()
        panel.show()
        for _ in range(200):
            spin(100)
            if "geosar" in panel.state.text():
                break
        assert "geosar" in panel.state.text(), panel.state.text()
        spin(1000)
        assert window.grab().save(str(OUT / "window.png"))
        for _ in range(3):
            assert qgis.utils.unloadPlugin("geosar_qgis")
            assert qgis.utils.loadPlugin("geosar_qgis")
            assert qgis.utils.startPlugin("geosar_qgis")
            spin(200)
        assert qgis.utils.unloadPlugin("geosar_qgis")
        spin(500)
        SAID.write_text("all well\n", encoding="utf-8")
    except Exception:  # noqa: BLE001 - whatever it was, it is written down
        SAID.write_text(traceback.format_exc(), encoding="utf-8")
    os._exit(0)


QTimer.singleShot(2000, go)
