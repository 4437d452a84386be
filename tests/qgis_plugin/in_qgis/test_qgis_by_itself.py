"""What the panel notices by itself: models that come and go, a service that is back; and the time of layers."""

import io
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import begin_service, end_service, tiny_model
from geosar_qgis import classFactory, connections
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock import model_list
from geosar_qgis.dock import panel as panel_module
from inside import Window, arrow, ask, choose, click_menu, pixels, rendered, wait
from osgeo import gdal
from qgis.core import QgsDateTimeRange, QgsMapRendererParallelJob, QgsMapSettings, QgsProject
from qgis.PyQt.QtCore import QDateTime, QSize, Qt

Make = Callable[..., Path]
LOOK_MILLISECONDS = 700


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The panel looks more often than it does."""
    monkeypatch.setattr(panel_module, "CALM_MILLISECONDS", LOOK_MILLISECONDS)
    monkeypatch.setattr(model_list, "LOOK_MILLISECONDS", LOOK_MILLISECONDS)


def send_model(url: str, folder: Path) -> None:
    """Send a packaged model to a service, as somebody else does."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in folder.iterdir():
            archive.writestr(path.name, path.read_bytes())
    request = urllib.request.Request(f"{url}/models", memory.getvalue(), {"Content-Type": "application/zip"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


def ways(panel: Any) -> list[str]:
    """The entries that the menu of Translate would have now."""
    panel.scenes._fill_translate_menu()
    return [action.text() for action in panel.scenes.translate_menu.actions()]


def test_a_model_that_is_sent_is_in_the_menu_by_itself_and_translates(
    often: None, plugin: Any, served: Any, make_sar: Make, tmp_path: Path
) -> None:
    panel, connection, service = plugin.panel, Connection("c", served.url), Service(served.url)
    sent = ask(connection, upload(service, UploadFile(make_sar("modelled_vv.tif", seed=613), "modelled")))
    scene = ask(connection, service.prepared(sent.id))
    choose(panel, scene)
    button, words = panel.scenes.translate, "Translate with of-mine"
    assert words not in ways(panel)
    send_model(served.url, tiny_model(tmp_path, name="of-mine", title="Of mine"))
    wait(lambda: words in ways(panel), 10)
    click_menu(button, arrow(button), words)
    wait(lambda: any(one.scene == scene.id for one in panel.jobs.jobs.values()))
    (job,) = [one.id for one in panel.jobs.jobs.values() if one.scene == scene.id]
    wait(lambda: not panel.jobs.jobs[job].live, 90)
    assert ask(connection, service.results(job)).model == "of-mine 1.0"
    gone = urllib.request.Request(f"{served.url}/models/of-mine", method="DELETE")
    urllib.request.urlopen(gone, timeout=60).close()
    wait(lambda: words not in ways(panel), 10)


def test_a_service_that_is_back_is_noticed(often: None, window: Window, make_sar: Make, tmp_path: Path) -> None:
    model = str(tiny_model(tmp_path))
    process, url = begin_service(tmp_path, GEOSAR_MODEL=model)
    scene = ask(Connection("c", url), upload(Service(url), UploadFile(make_sar("back_vv.tif", seed=614), "back")))
    end_service(process)
    connections.save(Connection("comes and goes", url))
    plugin = classFactory(window)
    plugin.initGui()
    panel = plugin.panel
    panel.show()
    try:
        for _ in range(2):  # it is not there at first, and goes away once more
            wait(lambda: "cannot be reached" in panel.state.text())
            process, _url = begin_service(tmp_path, int(url.rpartition(":")[2]), GEOSAR_MODEL=model)
            wait(lambda: "model tiny" in panel.state.text() and scene.id in panel.scenes.scenes)
            end_service(process)
    finally:
        plugin.unload()
        connections.remove("comes and goes")
        end_service(process)


@pytest.fixture
def dated(served: Any, make_sar: Make) -> Any:
    """A scene that says when it was acquired, translated."""
    path = make_sar("dated_vv.tif", seed=615)
    raster = gdal.Open(str(path), gdal.GA_Update)
    raster.SetMetadataItem("ACQUISITION_START_TIME", "2021-03-04T05:06:07Z")
    raster = None
    connection, service = Connection("c", served.url), Service(served.url)
    scene = ask(connection, upload(service, UploadFile(path, "dated")))
    ask(connection, completed(service, scene.id, TranslateRequest()))
    return ask(connection, service.prepared(scene.id))


def shown_at(layer: Any, time: str) -> bool:
    """Whether the layer is drawn while the temporal controller shows an hour from this time on."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(QSize(120, 90))
    settings.setBackgroundColor(Qt.GlobalColor.transparent)
    begin = QDateTime.fromString(time, Qt.DateFormat.ISODate)
    settings.setIsTemporal(True)
    settings.setTemporalRange(QgsDateTimeRange(begin, begin.addSecs(3600)))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    wait(lambda: not job.isActive(), 60)
    return bool((pixels(job.renderedImage())[:, :, 3] > 128).mean() > 0.5)


def test_layers_are_shown_at_the_time_when_their_scene_was_acquired(plugin: Any, dated: Any) -> None:
    panel, project = plugin.panel, QgsProject.instance()
    project.clear()
    choose(panel, dated)
    wait(lambda: "optical" in panel.scenes.chosen().layers)
    add = panel.scenes.add
    entries = ("SAR image, as XYZ", "Synthetic image, as XYZ", "Synthetic image, as COG",
               "Live layer (translated on the fly)")  # fmt: skip
    for number, entry in enumerate(entries, start=1):
        click_menu(add, add.rect().center(), entry)
        wait(lambda number=number: len(project.mapLayers()) == number)
    for layer in project.mapLayers().values():
        properties = layer.temporalProperties()
        assert properties.isActive(), layer.name()
        span = properties.fixedTemporalRange()
        for moment in (span.begin(), span.end()):
            assert moment.toUTC().toString(Qt.DateFormat.ISODate) == "2021-03-04T05:06:07Z", layer.name()
        assert pixels(rendered([layer], layer.extent(), layer.crs(), 120, 90))[:, :, 3].mean() > 128
        assert shown_at(layer, "2021-03-04T05:00:00Z"), layer.name()
        assert not shown_at(layer, "2021-03-05T05:00:00Z"), layer.name()
