"""Fixtures of the tests that use the panel: a window as large as the screen that there is, and the plugin in it."""

from collections.abc import Iterator
from typing import Any

import pytest
from geosar_qgis import classFactory, connections
from geosar_qgis.connections import Connection
from inside import Window, spin, wait
from qgis.core import QgsCoordinateReferenceSystem, QgsProject


@pytest.fixture
def window(qgis_app: Any) -> Iterator[Window]:
    own_window = Window()
    own_window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32643"))
    own_window.setGeometry(0, 0, 790, 700)
    own_window.show()
    yield own_window
    QgsProject.instance().clear()
    own_window.close()
    own_window.deleteLater()
    spin(0.1)


@pytest.fixture
def plugin(window: Window, served: Any) -> Iterator[Any]:
    """The plugin, connected to a service, and with its panel shown."""
    connections.save(Connection("here", served.url))
    instance = classFactory(window)
    instance.initGui()
    instance.panel.show()
    wait(lambda: "geosar" in instance.panel.state.text())
    yield instance
    instance.unload()
    connections.remove("here")
