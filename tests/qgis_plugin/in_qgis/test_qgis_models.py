"""The algorithms in a model of the model designer, which hands on what they give."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis.client.service import Service
from geosar_qgis.connections import Connection
from geosar_qgis.provider import GeosarProvider
from inside import Feedback, ask, chain
from osgeo import gdal
from qgis.analysis import QgsNativeAlgorithms
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingModelAlgorithm, QgsProject


@pytest.fixture
def providers(qgis_app: Any) -> Iterator[None]:
    registry = QgsApplication.processingRegistry()
    added = [GeosarProvider()] + ([] if registry.providerById("native") else [QgsNativeAlgorithms()])
    for one in added:
        registry.addProvider(one)
    yield
    for one in added:
        registry.removeProvider(one)


def test_a_model_hands_the_scene_and_its_image_from_one_algorithm_to_the_next(
    providers: None, served: Any, make_sar: Any, tmp_path: Path
) -> None:
    path = tmp_path / "chain.model3"
    assert chain().toFile(str(path))
    model, source = QgsProcessingModelAlgorithm(), make_sar("model_vv.tif", seed=81)
    assert model.fromFile(str(path))
    model.initAlgorithm()
    good, issues = model.validate()
    assert good, issues
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    parameters = {"SAR": str(source), "SERVICE": served.url, "shown:optical": str(tmp_path / "o.tif")}
    results, good = model.run(parameters, context, feedback)
    assert good, feedback.troubles
    raster, sar = gdal.Open(results["shown:optical"]), gdal.Open(str(source))
    assert raster.GetGeoTransform() == sar.GetGeoTransform()
    children = results["CHILD_RESULTS"]
    assert children["numbers"]["MEAN"] == pytest.approx(raster.GetRasterBand(1).ReadAsArray().mean(), abs=0.5)
    scenes = ask(Connection("c", served.url), Service(served.url).scenes(text="model_vv"))
    assert [one.id for one in scenes] == [children["sent"]["SCENE_ID"]]
