"""The algorithms, run as the toolbox runs them, against a real service."""

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geosar_qgis.client.service import Service
from geosar_qgis.connections import Connection
from geosar_qgis.provider import GeosarProvider
from inside import Feedback, Run, ask, run, spin, wait
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

Make = Callable[..., Path]


@pytest.fixture(autouse=True, scope="module")
def provider(qgis_app: Any) -> Iterator[GeosarProvider]:
    instance = GeosarProvider()
    QgsApplication.processingRegistry().addProvider(instance)
    yield instance
    QgsApplication.processingRegistry().removeProvider(instance)


def grid(path: str | Path) -> tuple[Any, ...]:
    raster = gdal.Open(str(path))
    return (
        raster.GetGeoTransform(),
        raster.RasterXSize,
        raster.RasterYSize,
        raster.GetSpatialRef().GetAuthorityCode(None),
    )


def test_every_algorithm_is_there_with_help_and_icon(provider: GeosarProvider) -> None:
    names = [one.name() for one in provider.algorithms()]
    assert sorted(names) == ["listscenes", "translate", "translatescene", "upload"]
    for algorithm in provider.algorithms():
        assert len(algorithm.shortHelpString()) > 100
        assert not algorithm.icon().isNull()
        assert algorithm.helpUrl().startswith("https://")


def test_a_layer_is_translated_on_exactly_its_own_grid(served: Any, make_sar: Make, tmp_path: Path) -> None:
    layer = QgsRasterLayer(str(make_sar()), "fields")
    QgsProject.instance().addMapLayer(layer)
    task = Run("translate", {
        "INPUT": layer.id(), "CONNECTION": served.url,
        "OUTPUT": str(tmp_path / "o.tif"), "ERROR": str(tmp_path / "e.tif"),
    })  # fmt: skip
    results = task.result()
    assert grid(results["OUTPUT"]) == grid(results["ERROR"]) == grid(layer.source())
    assert gdal.Open(results["OUTPUT"]).GetMetadataItem("GEOSAR_SYNTHETIC") == "YES"
    assert gdal.Open(results["ERROR"]).RasterCount == 1
    assert task.feedback.shares == sorted(task.feedback.shares)
    assert task.feedback.shares[-1] == 100
    text = " ".join(task.feedback.words)
    for words in ("Uploading", "Translat", "Downloading"):
        assert words in text
    assert list(tmp_path.glob("*.part")) == []


def test_the_result_is_loaded_with_a_name_that_says_what_it_is(served: Any, make_sar: Make, tmp_path: Path) -> None:
    target = str(tmp_path / "o.tif")
    task = Run("translate", {
        "INPUT": str(make_sar()), "CONNECTION": served.url, "ADD": [0, 1, 2],
        "OUTPUT": QgsProcessingOutputLayerDefinition(target, QgsProject.instance()),
    })  # fmt: skip
    task.result()
    waiting = task.context.layersToLoadOnCompletion()
    names = sorted(one.name for one in waiting.values())
    assert len(names) == 4
    assert [name.partition(" (")[2] for name in names] == [
        "expected error, tiny 1.0, tiles)", "synthetic optical, tiny 1.0)", "synthetic optical, tiny 1.0)",
        "synthetic optical, tiny 1.0, tiles)",
    ]  # fmt: skip
    loaded = QgsRasterLayer(target, "output")
    waiting[target].postProcessor().postProcessLayer(loaded, task.context, task.feedback)
    assert loaded.name().endswith("(synthetic optical, tiny 1.0)")
    assert "not an observation" in loaded.metadata().abstract()
    assert "not an observation" in loaded.attribution()


def test_a_part_is_translated_on_the_grid_of_the_whole(served: Any, make_sar: Make, tmp_path: Path) -> None:
    source = make_sar(seed=2)
    west, size, _, north, _, _ = grid(source)[0]
    box = f"{west + 500},{west + 1500},{north - 1200},{north - 400} [EPSG:32643]"
    results = run("translate", INPUT=str(source), CONNECTION=served.url, EXTENT=box, OUTPUT=str(tmp_path / "o.tif"))
    transform, width, height, code = grid(results["OUTPUT"])
    assert (width, height, code) == (100, 80, "32643")
    assert transform == (west + 500, size, 0, north - 400, 0, -size)


def test_three_at_once_all_arrive(served: Any, make_sar: Make, tmp_path: Path) -> None:
    sources = [make_sar(f"f{seed}_vv.tif", seed=seed, width=200 + seed) for seed in (3, 4, 5)]
    tasks = [
        Run("translate", {"INPUT": str(one), "CONNECTION": served.url, "OUTPUT": str(tmp_path / f"o_{one.name}")})
        for one in sources
    ]
    for source, task in zip(sources, tasks, strict=True):
        assert grid(task.result()["OUTPUT"]) == grid(source)


def test_uploading_listing_and_translating_what_is_there(served: Any, make_sar: Make, tmp_path: Path) -> None:
    source = make_sar("river_vv.tif", seed=6)
    up = Run(
        "upload",
        {"INPUT": str(source), "CONNECTION": served.url, "NAME": "the river", "ADD_SAR": True, "ADD_LIVE": True},
    )
    scene = up.result()["SCENE_ID"]
    added = sorted(one.name for one in up.context.layersToLoadOnCompletion().values())
    assert added == ["the river (SAR, tiles)", "the river (synthetic optical, live, tiles)"]
    listed = run("listscenes", CONNECTION=served.url, TEXT="river", OUTPUT=str(tmp_path / "s.gpkg"))
    assert listed["COUNT"] == 1
    layer = QgsVectorLayer(str(tmp_path / "s.gpkg"), "s")
    row = next(layer.getFeatures())
    assert (row["id"], row["name"], row["width"], row["polarisations"]) == (scene, "the river", 300, "VV")
    assert row.geometry().area() > 0
    far = run("listscenes", CONNECTION=served.url, EXTENT="0,1,50,51 [EPSG:4326]", OUTPUT=str(tmp_path / "t.gpkg"))
    assert far["COUNT"] == 0
    by_name = run("translatescene", SCENE="the river", CONNECTION=served.url, OUTPUT=str(tmp_path / "o.tif"))
    assert by_name["SCENE_ID"] == scene
    again = run("translatescene", SCENE=scene, CONNECTION=served.url)
    assert again["JOB_ID"] == by_name["JOB_ID"], "the same request is one job"


def test_an_output_that_the_batch_leaves_empty_is_none(served: Any, make_sar: Make, tmp_path: Path) -> None:
    project = QgsProject.instance()
    task = Run("translate", {
        "INPUT": str(make_sar(seed=65)), "CONNECTION": served.url, "ERROR_BAND": False,
        "OUTPUT": QgsProcessingOutputLayerDefinition(str(tmp_path / "o.tif"), project),
        "ERROR": QgsProcessingOutputLayerDefinition("", project),
    })  # fmt: skip
    assert "ERROR" not in task.result()
    assert list(task.context.layersToLoadOnCompletion()) == [str(tmp_path / "o.tif")]


def test_an_upload_on_the_thread_of_a_window_does_not_stand_still(served: Any, make_sar: Make) -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geosar:upload")
    feedback, context = Feedback(), QgsProcessingContext()
    context.setProject(QgsProject.instance())
    # As QGIS's batch has it, which draws the progress at once.
    feedback.progressChanged.connect(lambda _share: QCoreApplication.processEvents())
    source = make_sar("batch_vv.tif", width=900, height=700, seed=64)
    begun = time.monotonic()
    _results, good = algorithm.run({"INPUT": str(source), "CONNECTION": served.url}, context, feedback)
    assert good, feedback.troubles
    assert time.monotonic() - begun < 50, "QGIS gives a request 60 s, and this one was sent again after them"


def test_a_pair_of_layers_is_one_scene(served: Any, make_sar: Make, tmp_path: Path) -> None:
    first, second = make_sar("pair_vv.tif", seed=61), make_sar("pair_vh.tif", seed=61, width=300)
    virtual = tmp_path / "pair_vh.vrt"  # so that one of the two is copied first
    gdal.BuildVRT(str(virtual), [str(second)]).FlushCache()
    task = Run("translate", {"INPUT": str(first), "SECOND": str(virtual), "CONNECTION": served.url, "UNIT": 1,
                             "OUTPUT": str(tmp_path / "o.tif")})  # fmt: skip
    results = task.result()
    assert grid(results["OUTPUT"]) == grid(first)
    assert task.feedback.shares == sorted(task.feedback.shares)
    scene = ask(Connection("c", served.url), Service(served.url).scene(results["SCENE_ID"]))
    assert (scene.name, scene.polarisations) == ("pair_vv + VH", ("VV", "VH"))

    nameless = [make_sar("one.tif", seed=62, bands=3), make_sar("two.tif", seed=63, bands=3)]
    parameters = {"INPUT": str(nameless[0]), "SECOND": str(nameless[1]), "CONNECTION": served.url}
    assert "Which polarisation one and two hold cannot be told" in Run("upload", parameters).trouble()


def test_bands_are_chosen_and_layers_without_a_file_of_their_own_are_copied(
    served: Any, make_sar: Make, tmp_path: Path
) -> None:
    source = make_sar("three.tif", bands=3, seed=7)
    chosen = run("upload", INPUT=str(source), CONNECTION=served.url, BANDS=[2], POLARISATION=2, UNIT=1)
    connection = Connection("c", served.url)
    assert ask(connection, Service(served.url).scene(chosen["SCENE_ID"])).polarisations == ("VH",)
    virtual = tmp_path / "mosaic.vrt"
    gdal.BuildVRT(str(virtual), [str(make_sar("west_vv.tif", seed=8))]).FlushCache()
    task = Run("translate", {"INPUT": str(virtual), "CONNECTION": served.url, "POLARISATION": 1, "UNIT": 1,
                             "OUTPUT": str(tmp_path / "o.tif")})  # fmt: skip
    results = task.result()
    assert "copied first" in " ".join(task.feedback.words)
    np.testing.assert_allclose(grid(results["OUTPUT"])[0], grid(virtual)[0], rtol=0, atol=1e-6)
    assert grid(results["OUTPUT"])[1:] == grid(virtual)[1:]


def test_a_crs_given_in_qgis_goes_along(served: Any, make_sar: Make, tmp_path: Path) -> None:
    from qgis.core import QgsCoordinateReferenceSystem

    layer = QgsRasterLayer(str(make_sar(seed=9)), "moved")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32733"))
    QgsProject.instance().addMapLayer(layer)
    results = run(
        "translate", INPUT=layer.id(), CONNECTION=served.url, POLARISATION=1, UNIT=1, OUTPUT=str(tmp_path / "o.tif")
    )
    assert grid(results["OUTPUT"])[3] == "32733"


def test_control_points_keep_their_place(served: Any, data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "scenes" / "grd_gcps_india.tif"
    results = run("translate", INPUT=str(source), CONNECTION=served.url, OUTPUT=str(tmp_path / "o.tif"))
    here, there = QgsRasterLayer(str(source), "s"), QgsRasterLayer(results["OUTPUT"], "o")
    from geosar_qgis.layers import to_degrees

    one, two = to_degrees(here.extent(), here.crs()), to_degrees(there.extent(), there.crs())
    assert one is not None
    assert two is not None
    np.testing.assert_allclose(one, two, atol=0.05)


def test_a_map_picture_is_refused_in_words(served: Any) -> None:
    layer = QgsRasterLayer(f"type=xyz&url={served.url}/{{z}}/{{x}}/{{y}}.png&zmin=0&zmax=5", "a map", "wms")
    QgsProject.instance().addMapLayer(layer)
    message = Run("translate", {"INPUT": layer.id(), "CONNECTION": served.url, "OUTPUT": "TEMPORARY_OUTPUT"}).trouble()
    assert "a map is a picture of a map (wms) and holds no radar values" in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CONNECTION": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"CONNECTION": "no such"}, "neither a connection (none yet)"),
        ({"CONNECTION": "ftp://x/"}, "neither a connection"),
        ({"MODEL": "unheard-of"}, "there is no model 'unheard-of'"),
        ({"OUTPUT": "/nowhere/at/all/o.tif"}, "There is no folder"),
        ({"EXTENT": "0,1,50,51 [EPSG:4326]"}, "misses the scene"),
        ({"AUTHCFG": "gone123"}, "authentication"),
    ],
)
def test_what_goes_wrong_is_said_in_words(
    served: Any, make_sar: Make, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    parameters = {"INPUT": str(make_sar()), "CONNECTION": served.url, "OUTPUT": str(tmp_path / "o.tif")}
    message = Run("translate", {**parameters, **changes}).trouble()
    assert words in message
    assert "Traceback" not in message
    assert not (tmp_path / "o.tif").exists()


def test_a_full_disk_here_is_said_in_words(served: Any, make_sar: Make, tmp_path: Path) -> None:
    source = make_sar(seed=10)
    run("translate", INPUT=str(source), CONNECTION=served.url)  # so that the job is there at once
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        message = Run(
            "translate", {"INPUT": str(source), "CONNECTION": served.url, "OUTPUT": str(tmp_path / "o.tif")}
        ).trouble()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "could not be written" in message
    assert list(tmp_path.glob("o.tif*")) == []


def test_stopping_stops_the_job_on_the_service(served: Any, make_sar: Make, tmp_path: Path) -> None:
    source = make_sar("large_vv.tif", width=2600, height=2000, seed=11)
    task = Run("translate", {"INPUT": str(source), "CONNECTION": served.url, "OUTPUT": str(tmp_path / "o.tif")})
    wait(lambda: "Translating" in " ".join(task.feedback.words), 60)
    task.feedback.cancel()
    task.trouble()
    connection, service = Connection("c", served.url), Service(served.url)
    scene = ask(connection, service.scenes(text="large_vv"))[0]
    jobs = ask(connection, service.jobs(scene.id))
    wait(lambda: ask(connection, service.job(jobs[0].id)).status == "dismissed", 20)
    assert not (tmp_path / "o.tif").exists()


def test_a_layer_that_is_removed_while_this_runs_does_no_harm(served: Any, make_sar: Make, tmp_path: Path) -> None:
    virtual = tmp_path / "v.vrt"
    gdal.BuildVRT(str(virtual), [str(make_sar("south_vv.tif", seed=12))]).FlushCache()
    layer = QgsRasterLayer(str(virtual), "south")
    QgsProject.instance().addMapLayer(layer)
    task = Run("translate", {"INPUT": layer.id(), "CONNECTION": served.url, "POLARISATION": 1, "UNIT": 1,
                             "OUTPUT": str(tmp_path / "o.tif")})  # fmt: skip
    spin(0.05)
    QgsProject.instance().removeMapLayer(layer.id())
    assert grid(task.result()["OUTPUT"])[1:3] == (300, 200)
