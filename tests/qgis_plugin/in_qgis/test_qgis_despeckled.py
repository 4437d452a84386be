"""Despeckled radar in QGIS: asked for in the toolbox, added from the panel, and shown as what it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geosar_qgis.client.messages import NotThereError
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.connections import Connection
from geosar_qgis.dock import adding
from geosar_qgis.dock.scenes import ScenesTab
from geosar_qgis.provider import GeosarProvider
from inside import Run, ask, click
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandGrayRenderer,
)
from qgis.PyQt.QtCore import QTimer

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def provider(qgis_app: Any) -> Iterator[GeosarProvider]:
    instance = GeosarProvider()
    QgsApplication.processingRegistry().addProvider(instance)
    yield instance
    QgsProject.instance().clear()
    QgsApplication.processingRegistry().removeProvider(instance)


def test_the_box_is_there_and_off(provider: GeosarProvider) -> None:
    for name in ("translate", "translatescene"):
        definition = provider.algorithm(name).parameterDefinition("DESPECKLE")
        assert definition.defaultValue() is False


def test_a_file_and_tiles_are_added_as_estimated_radar(despeckling: Any, make_sar: Make, tmp_path: Path) -> None:
    target = str(tmp_path / "clean.tif")
    task = Run("translate", {
        "INPUT": str(make_sar(bands=2)), "CONNECTION": despeckling.url, "ADD": [3],
        "DESPECKLED": QgsProcessingOutputLayerDefinition(target, QgsProject.instance()),
    })  # fmt: skip
    results = task.result()
    assert results["DESPECKLED"] == target
    dataset = gdal.Open(target)
    assert [dataset.GetRasterBand(number).GetDescription() for number in (1, 2)] == ["VV", "VH"]
    assert dataset.GetMetadataItem("GEOSAR_ESTIMATED") == "YES"
    waiting = task.context.layersToLoadOnCompletion()
    names = sorted(one.name.partition(" (")[2] for one in waiting.values())
    assert names == ["despeckled SAR, tiny 1.0)", "despeckled SAR, tiny 1.0, tiles)"]
    loaded = QgsRasterLayer(target, "output")
    waiting[target].postProcessor().postProcessLayer(loaded, task.context, task.feedback)
    for words in (loaded.metadata().abstract(), loaded.attribution()):
        assert "estimated from the observation, not synthetic; model tiny 1.0" in words
    assert "synthetic" not in loaded.metadata().keywords().get("geosar", [])
    renderer = loaded.renderer()
    assert isinstance(renderer, QgsSingleBandGrayRenderer)
    shown = renderer.contrastEnhancement()
    # QGIS takes the 2nd to the 98th percentile.
    expected = np.percentile(dataset.GetRasterBand(1).ReadAsArray(), (2, 98))
    assert (shown.minimumValue(), shown.maximumValue()) == pytest.approx(expected, abs=0.5)


def test_the_panel_offers_it_where_a_job_made_it(despeckling: Any, make_sar: Make) -> None:
    sent = Run("upload", {"INPUT": str(make_sar("panel_vv.tif", seed=3)), "CONNECTION": despeckling.url}).result()
    connection, service = Connection("open", despeckling.url), Service(despeckling.url)
    tab = ScenesTab()
    tab.resize(320, 400)
    tab.show()

    def offered() -> dict[str, bool]:
        """Click the scene, then the button Add, and read the menu."""
        tab.show_scenes([ask(connection, service.scene(sent["SCENE_ID"]))])
        click(tab.list.viewport(), tab.list.visualItemRect(tab.list.item(0)).center())
        entries: dict[str, bool] = {}

        def read() -> None:
            assert tab.add_menu.isVisible()
            entries.update(
                {one.text(): one.isEnabled() for one in tab.add_menu.actions() if "Despeckled" in one.text()}
            )
            tab.add_menu.close()

        QTimer.singleShot(300, read)
        click(tab.add)
        return entries

    names = ["Despeckled SAR image, as XYZ", "Despeckled SAR image, as COG"]
    assert offered() == dict.fromkeys(names, False)
    ask(connection, completed(service, sent["SCENE_ID"], TranslateRequest(despeckled=True)))
    # A later translation without it does not take it away.
    ask(connection, completed(service, sent["SCENE_ID"], TranslateRequest(error_band=False)))
    assert offered() == dict.fromkeys(names, True)

    scene = ask(connection, service.scene(sent["SCENE_ID"]))
    tiles = adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, "despeckled")))
    file = adding.add_file(scene, "despeckled", ask(connection, adding.file_of(service, scene, "despeckled")))
    assert tiles.isValid()
    assert tiles.name() == "panel_vv (despeckled SAR, tiny 1.0, tiles)"
    assert file.name() == "panel_vv (despeckled SAR, tiny 1.0)"
    assert "not synthetic" in tiles.attribution()
    with pytest.raises(NotThereError):
        ask(connection, adding.file_of(service, scene, "nothing"))
