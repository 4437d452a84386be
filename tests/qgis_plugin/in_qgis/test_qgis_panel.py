"""The panel in a window, against a real service; and the plugin loaded and unloaded again and again."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis import classFactory, connections
from geosar_qgis.client.service import Service
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.dock.connection_dialog import ConnectionDialog, warning_of
from geosar_qgis.network import Conversation
from inside import Window, ask, choose, click, click_menu, pixels, press_offered, spin, wait
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox

Make = Callable[..., Path]


def test_the_panel_shows_the_service_and_its_scenes_with_pictures(plugin: Any, served: Any, make_sar: Make) -> None:
    connection, service = Connection("c", served.url), Service(served.url)
    scene = ask(connection, upload(service, UploadFile(make_sar("hills_vv.tif", seed=31), "the hills")))
    ask(connection, service.prepared(scene.id))
    panel = plugin.panel
    panel.refresh()
    wait(lambda: scene.id in panel.scenes.scenes and "geosar" in panel.state.text())
    wait(lambda: (scene.id, "ready") in panel.scenes.pictures)
    choose(panel, scene)
    assert panel.scenes.chosen().name == "the hills"
    assert "VV" in panel.scenes.list.currentItem().text()
    click(panel.scenes.text)
    QTest.keyClicks(panel.scenes.text, "nothing is called so")
    wait(lambda: not panel.scenes.scenes)
    panel.scenes.text.clear()
    wait(lambda: scene.id in panel.scenes.scenes)
    plugin.iface.canvas.setExtent(QgsRectangle(0, 0, 1000, 1000))
    click(panel.scenes.in_view, QPoint(10, panel.scenes.in_view.height() // 2))
    wait(lambda: scene.id not in panel.scenes.scenes)
    click(panel.scenes.in_view, QPoint(10, panel.scenes.in_view.height() // 2))
    place = choose(panel, scene)
    click_menu(panel.scenes.list.viewport(), place, "Zoom to it", Qt.MouseButton.RightButton)
    click(panel.scenes.in_view, QPoint(10, panel.scenes.in_view.height() // 2))
    wait(lambda: scene.id in panel.scenes.scenes)


def test_from_a_selected_layer_to_a_swipe_over_its_translation(plugin: Any, make_sar: Make) -> None:
    panel, window = plugin.panel, plugin.iface
    layer = QgsRasterLayer(str(make_sar("shore_vv.tif", seed=32)), "shore_vv")
    QgsProject.instance().addMapLayer(layer)
    window.setActiveLayer(layer)
    click(panel.scenes.send, QPoint(20, panel.scenes.send.height() // 2))
    wait(lambda: any(one.name == "shore_vv" for one in panel.scenes.scenes.values()), 60)
    scene = next(one for one in panel.scenes.scenes.values() if one.name == "shore_vv")
    wait(lambda: panel.scenes.chosen() is not None)
    choose(panel, scene)
    click(panel.scenes.translate, QPoint(20, panel.scenes.translate.height() // 2))
    wait(lambda: any(one.scene == scene.id for one in panel.jobs.jobs.values()), 30)
    wait(lambda: [one.status for one in panel.jobs.jobs.values() if one.scene == scene.id] == ["successful"], 90)
    job = next(one for one in panel.jobs.jobs.values() if one.scene == scene.id)
    assert panel.jobs.chosen() == job.id, "what was begun last is selected"
    wait(lambda: "is translated" in window.messages())
    press_offered(window)
    wait(lambda: any("synthetic" in one.name() for one in QgsProject.instance().mapLayers().values()))
    assert "synthetic" in window.activeLayer().name(), "so that opacity and swipe act on it"
    node = QgsProject.instance().layerTreeRoot().findLayer(window.activeLayer().id())
    assert node.isExpanded()
    click(panel.jobs.cog)
    wait(lambda: len(QgsProject.instance().mapLayers()) == 3 or "cannot be opened" in window.messages(), 120)
    assert len(QgsProject.instance().mapLayers()) == 3, window.messages()
    bar = panel.tabs.tabBar()
    click(bar, bar.tabRect(0).center())
    choose(panel, scene)
    add = panel.scenes.add
    click_menu(add, add.rect().center(), "Live layer (translated on the fly)")
    wait(lambda: any("live" in one.name() for one in QgsProject.instance().mapLayers().values()))
    assert "translated" in window.messages()

    top = next(
        one for one in QgsProject.instance().mapLayers().values() if "live" not in one.name() and "synth" in one.name()
    )
    window.canvas.setLayers([top, layer])
    window.canvas.setExtent(layer.extent())
    window.setActiveLayer(top)
    slider = panel.compare.slider
    for _ in range(6):  # a click beside the handle moves it by a page, which is ten
        click(slider, QPoint(3, slider.height() // 2))
    assert top.opacity() == pytest.approx(0.4)
    click(panel.compare.swipe)
    curtain = panel.compare._tool.curtain
    wait(lambda: curtain.left.image is not None)
    picture = pixels(curtain.left.image)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert middle[0] == middle[1] == middle[2], "below the synthetic layer lies the grey SAR image"
    QgsProject.instance().removeMapLayer(top.id())
    click(panel.compare.swipe)
    assert panel.compare._tool is None


def test_several_jobs_go_on_without_the_panel_and_are_found_again(window: Window, served: Any, make_sar: Make) -> None:
    connections.save(Connection("here", served.url))
    first = classFactory(window)
    first.initGui()
    first.panel.show()
    scenes = [
        ask(
            Connection("c", served.url),
            upload(Service(served.url), UploadFile(make_sar(f"n{seed}_vv.tif", seed=seed))),
        )
        for seed in (33, 34, 35)
    ]
    wait(lambda: first.panel.connection is not None)
    for scene in scenes:
        first.panel.do("translate", scene)
    wait(lambda: {one.id for one in scenes} <= {one.scene for one in first.panel.jobs.jobs.values()}, 60)
    first.unload()
    second = classFactory(window)
    second.initGui()
    second.panel.show()
    wait(lambda: {one.id for one in scenes} <= {one.scene for one in second.panel.jobs.jobs.values()}, 60)
    wait(lambda: not second.panel.jobs.live(), 90)
    assert all(
        one.status == "successful" for one in second.panel.jobs.jobs.values() if one.scene in {s.id for s in scenes}
    )
    second.unload()
    connections.remove("here")


@pytest.mark.parametrize(("url", "words"), [("http://127.0.0.1:9", "cannot be reached"), (None, "key is needed")])
def test_what_is_wrong_with_a_service_is_said_in_the_panel(
    window: Window, locked: Any, url: str | None, words: str
) -> None:
    connections.save(Connection("bad", url or locked.url))
    plugin = classFactory(window)
    plugin.initGui()
    plugin.panel.show()
    wait(lambda: words in plugin.panel.state.text())
    plugin.unload()
    connections.remove("bad")


def test_nothing_selected_and_not_a_raster_are_said_in_the_message_bar(plugin: Any) -> None:
    click(plugin.panel.scenes.send, QPoint(20, plugin.panel.scenes.send.height() // 2))
    assert "No raster layer is selected" in plugin.iface.messages()


def test_the_dialog_tries_a_connection_and_keeps_the_key_encrypted(window: Window, locked: Any) -> None:
    assert QgsApplication.authManager().setMasterPassword("of the tests", True)
    dialog = ConnectionDialog(None, window)
    dialog.name.setText("with a key")
    dialog.url.setText(f"{locked.url}/")
    dialog.show()
    spin(0.2)
    click(dialog.test)
    wait(lambda: "key is needed" in dialog.message.text())
    dialog.key.setText(locked.key)
    click(dialog.test)
    wait(lambda: "It works" in dialog.message.text())
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    click(ok)
    saved = connections.find("with a key")
    assert saved.url == locked.url
    assert saved.authcfg
    assert locked.key not in str(saved)
    assert dialog.key.text() == ""
    connections.remove("with a key")
    assert "https" in warning_of("http://sar.example.org")
    assert warning_of("http://localhost:8000") == warning_of("https://sar.example.org") == ""
    dialog.url.setText("nonsense here")
    dialog.show()
    spin(0.2)
    click(ok)
    assert "no URL" in dialog.message.text()


def test_ten_times_loaded_and_unloaded_leaves_nothing(window: Window, served: Any) -> None:
    connections.save(Connection("here", served.url))
    registry, project = QgsApplication.processingRegistry(), QgsProject.instance()

    def traces() -> dict[str, int]:
        spin(0.05)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        return {
            "providers": len(registry.providers()),
            "docks": len([one for one in window.children() if type(one).__name__ == "Panel"]),
            "menu": len(window.menu.actions()),
            "tools": len(window.tools.actions()),
            "read": project.receivers(project.readProject),
            "moved": window.canvas.receivers(window.canvas.extentsChanged),
            "current": window.receivers(window.currentLayerChanged),
            "conversations": len([one for one in gc.get_objects() if isinstance(one, Conversation)]),
        }

    before = traces()
    for _ in range(10):
        plugin = classFactory(window)
        plugin.initGui()
        plugin.panel.show()
        spin(0.05)
        plugin.unload()
    spin(0.5)
    del plugin
    after = traces()
    after["conversations"] = before["conversations"] if after["conversations"] <= before["conversations"] + 1 else 99
    assert after == before
    connections.remove("here")


def test_without_a_window_only_the_algorithms_are_there(qgis_app: Any) -> None:
    plugin = classFactory(None)
    plugin.initProcessing()
    assert QgsApplication.processingRegistry().algorithmById("geosar:translate") is not None
    plugin.unload()
    assert QgsApplication.processingRegistry().algorithmById("geosar:translate") is None
