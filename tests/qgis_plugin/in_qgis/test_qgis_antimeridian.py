"""A scene across the antimeridian on a map that goes on there: its files show both sides, its tiles are refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from inside import Window, ask, choose, click_menu, pixels, spin, wait
from osgeo import gdal, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt

WIDTH, HEIGHT = 400, 300


@pytest.fixture
def scene(served: Any, tmp_path: Path) -> Any:
    """180 degrees cross its middle: easting 820 300 of zone 60 at 16.46 degrees south. Its right half is brighter."""
    path = tmp_path / "date_line_vv.tif"
    values = np.full((HEIGHT, WIDTH), -20, np.float32)
    values[:, WIDTH // 2 :] = -10
    values += np.random.default_rng(1).normal(0, 0.5, values.shape).astype(np.float32)
    made = gdal.GetDriverByName("GTiff").Create(str(path), WIDTH, HEIGHT, 1, gdal.GDT_Float32)
    made.SetGeoTransform((818_300, 10, 0, 8_179_000, 0, -10))
    system = osr.SpatialReference()
    system.ImportFromEPSG(32760)
    made.SetProjection(system.ExportToWkt())
    made.GetRasterBand(1).WriteArray(values)
    made = None
    connection, service = Connection("c", served.url), Service(served.url)
    sent = ask(connection, upload(service, UploadFile(path, "date line", unit="db")))
    ask(connection, completed(service, sent.id, TranslateRequest()))
    return ask(connection, service.prepared(sent.id))


def shown(window: Window, layers: list[QgsRasterLayer], name: str) -> Any:
    """What the map shows of these layers: (height, width, 4)."""
    window.canvas.setLayers(layers)
    window.canvas.refresh()
    spin(0.3)
    wait(lambda: not window.canvas.isDrawing(), 15)
    picture = window.canvas.grab()
    if os.environ.get("GEOSAR_PICTURES"):
        picture.save(f"{os.environ['GEOSAR_PICTURES']}/{name}.png")
    return pixels(picture.toImage())


def zoomed(panel: Any, scene: Any) -> Any:
    """Zoom to the scene from its menu; gives the extent of the map."""
    place = choose(panel, scene)
    wait(lambda: "optical" in panel.scenes.chosen().layers)
    click_menu(panel.scenes.list.viewport(), place, "Zoom to it", Qt.MouseButton.RightButton)
    return panel._canvas.extent()


def added(panel: Any, entry: str) -> QgsRasterLayer:
    """Add a layer by the menu of Add."""
    before = set(QgsProject.instance().mapLayers())
    click_menu(panel.scenes.add, panel.scenes.add.rect().center(), entry)
    wait(lambda: len(QgsProject.instance().mapLayers()) > len(before))
    (layer,) = [one for key, one in QgsProject.instance().mapLayers().items() if key not in before]
    return layer


def columns(picture: Any) -> Any:
    """Where along the middle of a picture something is shown on the white map."""
    rows = picture[picture.shape[0] // 2 - 8 : picture.shape[0] // 2 + 8, 1:-1, :3].astype(float)  # within the frame
    return (rows < 250).any(-1).mean(0) > 0.5


@pytest.mark.parametrize("crs", ["EPSG:32760"])
def test_a_map_that_goes_on_there_shows_files_and_says_why_no_tiles(plugin: Any, scene: Any, crs: str) -> None:
    panel, window, project = plugin.panel, plugin.iface, QgsProject.instance()
    project.clear()
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    extent = zoomed(panel, scene)
    assert 4000 < extent.width() < 9000
    there = columns(shown(window, [added(panel, "Synthetic image, as COG")], f"antimeridian-{crs[5:]}"))
    cols = there.nonzero()[0]
    assert there[cols[0] : cols[-1] + 1].mean() > 0.98, "without a gap"
    assert len(cols) > 0.5 * len(there)
    for entry in ("SAR image, as XYZ", "Live layer (translated on the fly)"):
        window.said.clear()
        click_menu(panel.scenes.add, panel.scenes.add.rect().center(), entry)
        wait(lambda: "lies on both sides of 180 degrees" in window.messages())
        assert crs in window.messages()
    assert len(project.mapLayers()) == 1
