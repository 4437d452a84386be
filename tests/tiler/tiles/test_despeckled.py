"""The layer of the radar without its speckle: what it shows, what it says of itself, and where it is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from starlette.testclient import TestClient

from helpers.rasters import write_raster
from helpers.service import middle_tile, open_service, picture, problem, send
from helpers.service.despeckling import SHAPE, decibels, translated, write_scene
from helpers.tiny_model import write_dual_model


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("despeckled")
    with open_service(store=folder / "store", model=str(write_dual_model(folder / "dual"))) as client:
        yield client


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "fields.tif")


@pytest.fixture(scope="module")
def plain(service: TestClient, sent: Path) -> dict[str, Any]:
    """The scene, translated without it; and what its layers were then."""
    scene = send(service, sent)
    refused = service.get(f"/scenes/{scene['id']}/despeckled/tilejson.json")
    job = translated(service, scene, error_band=False)
    return {**service.get(f"/scenes/{scene['id']}").json(), "refused": refused, "job": job["jobID"]}


@pytest.fixture(scope="module")
def job(service: TestClient, plain: dict[str, Any]) -> dict[str, Any]:
    ended = translated(service, plain, despeckled=True)
    assert ended["status"] == "successful", ended
    return ended


@pytest.fixture(scope="module")
def here(plain: dict[str, Any], job: dict[str, Any]) -> str:
    assert job["scene"] == plain["id"]
    return f"/scenes/{plain['id']}/despeckled"


def test_a_scene_has_the_layers_that_its_jobs_made(
    service: TestClient, plain: dict[str, Any], job: dict[str, Any]
) -> None:
    assert plain["layers"] == ["sar", "optical", "live"]
    detail = problem(plain["refused"], 404)
    assert "with the input 'despeckled'" in detail
    assert "live" not in detail
    answer = service.get(f"/scenes/{plain['id']}").json()
    assert answer["layers"] == ["sar", "despeckled", "optical", "error", "live"]
    assert answer["jobs"] == [job["jobID"], plain["job"]]


def test_the_layer_stays_with_the_job_that_made_it(service: TestClient, here: str, plain: dict[str, Any]) -> None:
    assert service.get(f"{here}/info").status_code == 200
    assert "no finished job" in problem(service.get(f"{here}/info?job={plain['job']}"), 404)


def test_a_point_is_the_mean_of_its_neighbours_in_decibels(service: TestClient, here: str, sent: Path) -> None:
    row, col = 200, 250
    with rasterio.open(sent) as dataset:
        (lon,), (lat,) = rasterio.warp.transform(dataset.crs, "EPSG:4326", *([one] for one in dataset.xy(row, col)))
    # The tiny model takes the mean of 3 x 3 pixels.
    expected = decibels()[:, row - 1 : row + 2, col - 1 : col + 2].mean(axis=(1, 2))
    assert service.get(f"{here}/point/{lon},{lat}").json()["values"] == pytest.approx(expected, abs=0.005)


def test_it_is_shown_as_the_radar_is(service: TestClient, here: str, plain: dict[str, Any]) -> None:
    first = next(iter(plain["description"]["statistics"].values()))
    low, high = first["p02"], first["p98"]
    whole = service.get(f"{here}/bbox/{','.join(map(str, plain['bbox']))}.tif?bidx=1&width=90&height=80")
    drawn = picture(service.get(f"{here}/bbox/{','.join(map(str, plain['bbox']))}.png?bidx=1&width=90&height=80"))
    with rasterio.MemoryFile(whole.content) as memory, memory.open() as dataset:
        values, valid = dataset.read(1), drawn[..., 3] == 255
    grey = np.clip((values - low) / (high - low), 0, 1) * 255
    assert np.abs(drawn[..., 0][valid] - grey[valid]).max() <= 1.01
    radar = picture(service.get(f"/scenes/{plain['id']}/sar/tiles/{middle_tile(plain)}.png"))
    tile = picture(service.get(f"{here}/tiles/{middle_tile(plain)}.png"))
    inside = radar[..., 3] > 0
    assert (tile[..., 3] > 0).sum() == pytest.approx(inside.sum(), rel=0.02)
    assert tile[..., 0][inside].std() < radar[..., 0][inside].std() - 2
    for query in ("bidx=2", "composite=true", "colormap_name=viridis", "rescale=-30,0"):
        assert service.get(f"{here}/tiles/{middle_tile(plain)}.png?{query}").status_code == 200
    problem(service.get(f"{here}/preview.png?bidx=3"), 422)


def test_one_polarisation_makes_no_composite(service: TestClient, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "alone_vv.tif", decibels()[0], nodata=np.nan, descriptions=("VV",), units="dB")
    scene = send(service, path)
    assert translated(service, scene, despeckled=True)["status"] == "successful"
    for layer in ("sar", "despeckled"):
        assert service.get(f"/scenes/{scene['id']}/{layer}/tilejson.json").json()["bands"] == ["VV"]
        detail = problem(service.get(f"/scenes/{scene['id']}/{layer}/legend.png?composite=true"), 422)
        assert "has one polarisation, and a composite needs two" in detail
    service.delete(f"/scenes/{scene['id']}")


def test_it_says_that_it_is_estimated_and_not_synthetic(service: TestClient, here: str) -> None:
    answer = service.get(f"{here}/tilejson.json").json()
    assert answer["synthetic"] is False
    assert answer["name"] == "fields (despeckled)"
    assert answer["bands"] == ["VV", "VH"]
    assert "estimated from the observation, not synthetic" in answer["attribution"]
    assert "model tiny 1.0" in answer["description"]
    assert service.get(f"{here}/WMTSCapabilities.xml").status_code == 200
    assert service.get(f"{here}/image/tilejson.json").json()["synthetic"] is False


def test_statistics_histogram_and_legend_are_in_decibels(service: TestClient, here: str, plain: dict[str, Any]) -> None:
    bands = service.get(f"{here}/histogram").json()["bands"]
    figures = list(plain["description"]["statistics"].values())
    assert [(one["name"], one["unit"]) for one in bands] == [("VV", "dB"), ("VH", "dB")]
    assert [one["range"] for one in bands] == [[one["p02"], one["p98"]] for one in figures]
    assert sum(bands[0]["counts"]) == SHAPE[1] * SHAPE[2] - 20 * 40
    statistics = service.get(f"{here}/statistics").json()
    assert statistics["b1"]["mean"] == pytest.approx(figures[0]["mean"], abs=0.1)
    assert statistics["b1"]["std"] < figures[0]["std"] - 0.2
    legend = service.get(f"{here}/legend.png")
    assert legend.headers["x-geosar-legend"] == f"{figures[0]['p02']:g} to {figures[0]['p98']:g} dB"


def test_results_and_catalogue_name_it(
    service: TestClient, here: str, plain: dict[str, Any], job: dict[str, Any]
) -> None:
    answer = service.get(f"/jobs/{job['jobID']}/results").json()
    assert answer["despeckled"]["title"] == "Despeckled backscatter (estimated from the observation)"
    assert answer["despeckledTilejson"]["href"].endswith(f"{here}/tilejson.json?job={job['jobID']}")
    with rasterio.MemoryFile(service.get(answer["despeckled"]["href"]).content) as memory, memory.open() as dataset:
        assert (dataset.descriptions, dataset.units) == (("VV", "VH"), ("dB", "dB"))
    item = service.get(f"/stac/collections/results/items/{job['jobID']}").json()
    render = item["properties"]["renders"]["despeckled"]
    first = next(iter(plain["description"]["statistics"].values()))
    assert render["assets"] == ["despeckled"]
    assert render["rescale"] == [[round(first["p02"], 2), round(first["p98"], 2)]]
    assert item["assets"]["despeckled"]["href"].endswith(f"/jobs/{job['jobID']}/results/despeckled")
    assert any(link["rel"] == "tiles" and "/despeckled/" in link["href"] for link in item["links"])
    before = service.get(f"/jobs/{plain['job']}/results").json()
    assert not {"despeckled", "despeckledTilejson", "errorTilejson"} & set(before)


def test_the_models_say_whether_they_make_it(service: TestClient, client: TestClient) -> None:
    for service_of, makes_it in ((service, True), (client, False)):
        answer = {one["default"]: one["despeckles"] for one in service_of.get("/models").json()["models"]}
        assert answer[True] is makes_it
