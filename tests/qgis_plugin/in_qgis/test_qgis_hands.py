"""The panel under a hand: what is clicked is clicked where it lies, on whatever is uppermost there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geosar_qgis import connections, log
from geosar_qgis.client import messages
from geosar_qgis.client.messages import ClientError
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock.connection_dialog import ConnectionDialog
from inside import Run, Window, answer, ask, choose, click, drag, pick, pixels, spin, wait
from osgeo import gdal
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtWidgets import QMessageBox

Make = Callable[..., Path]
FAR = QgsRectangle(0, 0, 1000, 1000)


@pytest.fixture
def scene(served: Any, make_sar: Make, request: pytest.FixtureRequest) -> Any:
    """A scene that no other test has."""
    seed = 100 + sum(map(ord, request.node.name)) % 800
    path = make_sar(f"hand{seed}_vv.tif", seed=seed)
    connection, service = Connection("c", served.url), Service(served.url)
    uploaded = ask(connection, upload(service, UploadFile(path, f"hand {seed}")))
    return ask(connection, service.prepared(uploaded.id))


def job_row(panel: Any, key: str) -> None:
    """Click a job in its tab."""
    bar = panel.tabs.tabBar()
    click(bar, bar.tabRect(1).center())
    wait(lambda: panel.jobs._item(key) is not None)
    tree = panel.jobs.tree
    tree.scrollToItem(panel.jobs._item(key))
    click(tree.viewport(), tree.visualItemRect(panel.jobs._item(key)).center())
    assert panel.jobs.chosen() == key


def test_the_list_follows_the_map_after_a_scene_was_being_prepared(plugin: Any, scene: Any) -> None:
    panel = plugin.panel
    choose(panel, scene)
    for _ in range(6):  # each look at a scene that is being prepared made the next ones three times rarer
        panel._show_scenes([replace(scene, state="preparing")])
    box = panel.scenes.in_view
    click(box, QPoint(10, box.height() // 2))
    assert box.isChecked()
    panel.do("zoom", scene)  # it is not listed, so that nothing can be clicked
    wait(lambda: scene.id in panel.scenes.scenes)
    plugin.iface.canvas.setExtent(FAR)
    wait(lambda: scene.id not in panel.scenes.scenes, 5)


def test_a_key_that_is_tried_is_not_kept(window: Window, locked: Any) -> None:
    manager = QgsApplication.authManager()
    assert manager.setMasterPassword("of the tests", True)
    before = set(manager.configIds())
    dialog = ConnectionDialog(None, window)
    dialog.name.setText("tried")
    dialog.url.setText(locked.url)
    dialog.show()
    spin(0.2)
    for key, words in (("a wrong one", "key is needed"), (locked.key, "It works"), (locked.key, "It works")):
        dialog.key.setText(key)
        dialog.message.clear()
        click(dialog.test)
        wait(lambda words=words: words in dialog.message.text())
    assert set(manager.configIds()) == before
    dialog.accept()
    (config,) = set(manager.configIds()) - before
    assert connections.find("tried").authcfg == config
    again = ConnectionDialog(connections.find("tried"), window)
    again.key.setText(locked.key)
    again.accept()
    assert set(manager.configIds()) - before == {config}, "a new key takes the place of the old one"
    connections.remove("tried")


def test_the_sides_of_the_swipe_are_chosen(plugin: Any, tmp_path: Path) -> None:
    panel, window = plugin.panel, plugin.iface
    rasters = [flat(tmp_path / f"{name}.tif", value) for name, value in (("dark", 40), ("middle", 120), ("light", 220))]
    layers = [QgsRasterLayer(str(path), path.stem) for path in rasters]
    QgsProject.instance().addMapLayers(layers)
    dark, middle, light = layers
    window.canvas.setLayers([light, middle, dark])
    window.canvas.setExtent(dark.extent())
    window.setActiveLayer(light)
    click(panel.compare.swipe)
    assert panel.compare.swipe.isChecked()
    curtain = panel.compare._tool.curtain
    wait(lambda: curtain.left.image is not None)
    assert grey(curtain.left.image) == 120, "what lies below"
    assert panel.compare.left.isVisible()
    left, right, view = panel.compare.left, panel.compare.right, window.canvas.viewport()
    pick(left, left.findText("dark"))
    wait(lambda: grey(curtain.left.image) == 40)
    assert left.currentLayer() == dark
    pick(right, right.findText("middle"))
    wait(lambda: curtain.right.image is not None and grey(curtain.right.image) == 120)
    height, width = view.height(), view.width()
    for share in (0.8, 0.3):  # what one sees: the left layer up to the line, the right one from there
        drag(view, QPoint(width // 2, height // 3), QPoint(round(share * width), height // 3))
        seen = pixels(view.grab().toImage())[height // 2 - 50, :, 0]
        assert set(seen[5 : round(share * width) - 5]) == {40}, share
        assert set(seen[round(share * width) + 5 : width - 5]) == {120}, share
    pick(right, 0)
    wait(lambda: curtain.right.image is None)
    pick(left, 0)
    wait(lambda: grey(curtain.left.image) == 120)
    click(panel.compare.swipe)
    assert not panel.compare.left.isVisible()


def test_a_translation_of_the_toolbox_is_seen_in_the_panel(plugin: Any, served: Any, scene: Any) -> None:
    panel = plugin.panel
    choose(panel, scene)
    assert "not translated yet" in panel.scenes.list.currentItem().text()
    Run("translatescene", {"SCENE": scene.id, "CONNECTION": served.url, "ADD": []}).result()
    wait(lambda: "not translated yet" not in panel.scenes.list.currentItem().text(), 2)


def test_jobs_are_taken_out_of_the_list(plugin: Any, served: Any, scene: Any, monkeypatch: Any) -> None:
    panel = plugin.panel
    connection, service = Connection("c", served.url), Service(served.url)
    results = ask(connection, completed(service, scene.id, TranslateRequest()))
    stopped = ask(connection, completed(service, scene.id, TranslateRequest(error_band=False)))
    ask(connection, service.dismiss(stopped.job))
    panel.refresh()
    wait(lambda: {results.job, stopped.job} <= set(panel.jobs.jobs))
    wait(lambda: panel.jobs.jobs[stopped.job].status == "dismissed")
    job_row(panel, stopped.job)
    click(panel.jobs.clear)
    wait(lambda: stopped.job not in panel.jobs.jobs)
    assert results.job in panel.jobs.jobs
    job_row(panel, results.job)
    questions = answer(QMessageBox.StandardButton.Yes)
    click(panel.jobs.remove)
    wait(lambda: results.job not in panel.jobs.jobs)
    assert "Remove this result" in questions[0]
    assert ask(connection, service.job(results.job)).status == "dismissed"
    panel.refresh()
    spin(0.5)
    assert not {results.job, stopped.job} & set(panel.jobs.jobs), "also at the next look"


def test_an_upload_that_fails_before_it_begins_says_why(plugin: Any, make_sar: Make) -> None:
    panel, window = plugin.panel, plugin.iface
    layer = QgsRasterLayer(str(make_sar("why_vv.tif", seed=77)), "why_vv")
    QgsProject.instance().addMapLayer(layer)
    window.setActiveLayer(layer)
    connections.remove("here")
    click(panel.scenes.send, QPoint(20, panel.scenes.send.height() // 2))
    wait(lambda: "There is no connection" in window.messages(), 10)
    assert panel.jobs._transfers() == 0


def test_a_result_has_the_tone_of_a_true_optical_image(
    plugin: Any, served: Any, make_sar: Make, tmp_path: Path
) -> None:
    source = make_sar("tone_vv.tif", seed=55)
    truth = picture_of(source, tmp_path / "truth.tif")
    parameters = {"INPUT": str(source), "CONNECTION": served.url}
    plain = Run("translate", {**parameters, "OUTPUT": str(tmp_path / "plain.tif")}).result()
    matched = Run("translate", {**parameters, "OPTICAL": str(truth), "OUTPUT": str(tmp_path / "matched.tif")}).result()
    means = [gdal.Open(one["OUTPUT"]).ReadAsArray()[:3].mean((1, 2)) for one in (plain, matched)]
    expected = gdal.Open(str(truth)).ReadAsArray().mean((1, 2))
    plainly, by_match = (np.abs(mean - expected).max() for mean in means)
    assert by_match < 12
    assert plainly > 36
    again = Run("translatescene", {"SCENE": matched["SCENE_ID"], "CONNECTION": served.url, "MATCH": True, "ADD": []})
    assert again.result()["JOB_ID"] == matched["JOB_ID"], "the image that the scene has there already"


def test_no_image_to_match_is_said_in_words_of_qgis(plugin: Any, served: Any, scene: Any) -> None:
    run = Run("translatescene", {"SCENE": scene.id, "CONNECTION": served.url, "MATCH": True, "ADD": []})
    words = run.trouble()
    assert "no true optical image" in words
    assert "PUT" not in words


def test_a_photograph_is_refused_in_words_of_qgis(served: Any, tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    dataset = gdal.GetDriverByName("MEM").Create("", 64, 64, 3)
    for band, least in ((1, 0), (2, 90), (3, 170)):
        dataset.GetRasterBand(band).WriteArray(
            np.random.default_rng(band).integers(least, 255, (64, 64), dtype=np.uint8)
        )
    gdal.GetDriverByName("PNG").CreateCopy(str(path), dataset)
    with pytest.raises(messages.RejectedError) as caught:
        ask(Connection("c", served.url), upload(Service(served.url), UploadFile(path)))
    assert "photograph" in str(caught.value)
    assert "`" not in str(caught.value)
    assert "Take what looks like no SAR image" in str(caught.value)


def test_long_words_are_cut_by_us_and_shown_whole_behind_a_button(window: Window) -> None:
    bars: list[tuple[Any, ...]] = []
    window.pushMessage = lambda *given: bars.append(given)
    words = "The layer cannot be sent to the service. " + "Why that is so takes a few words more to say. " * 3
    log.tell(window, ClientError(words))
    assert bars[0][1] == "The layer cannot be sent to the service."
    assert bars[0][2] == words


def flat(path: Path, value: int) -> Path:
    """A picture of one grey."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 60, 40, 3)
    dataset.SetGeoTransform((600_000, 10, 0, 1_200_000, 0, -10))
    dataset.SetProjection(QgsCoordinateReferenceSystem("EPSG:32643").toWkt())
    for band in (1, 2, 3):
        dataset.GetRasterBand(band).WriteArray(np.full((40, 60), value, np.uint8))
    return path


def grey(image: Any) -> int:
    """The grey in the middle of a picture."""
    values = pixels(image)
    return int(values[values.shape[0] // 2, values.shape[1] // 2, 0])


def picture_of(source: Path, path: Path) -> Path:
    """A true optical image of a scene's place: reddish, with some structure."""
    like = gdal.Open(str(source))
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), like.RasterXSize, like.RasterYSize, 3)
    dataset.SetGeoTransform(like.GetGeoTransform())
    dataset.SetProjection(like.GetProjection())
    values = like.GetRasterBand(1).ReadAsArray()
    for band, middle in ((1, 190), (2, 110), (3, 60)):
        dataset.GetRasterBand(band).WriteArray(np.clip(middle + 2 * (values - values.mean()), 0, 255).astype(np.uint8))
        dataset.GetRasterBand(band).SetColorInterpretation(gdal.GCI_RedBand + band - 1)
    return path
