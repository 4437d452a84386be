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
    made = Window()
    made.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32643"))
    made.setGeometry(0, 0, 790, 700)
    made.show()
    yield made
    QgsProject.instance().clear()
    made.close()
    made.deleteLater()
    spin(0.1)


@pytest.fixture
def plugin(window: Window, served: Any) -> Iterator[Any]:
    """The plugin, connected to a service, and with its panel shown."""
    connections.save(Connection("here", served.url))
    made = classFactory(window)
    made.initGui()
    made.panel.show()
    wait(lambda: "geosar" in made.panel.state.text())
    yield made
    made.unload()
    connections.remove("here")
