"""The pipeline on a Dask cluster: the same bytes as here, and clear words when it is not there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

import geosar
from geosar.cluster import Recipe, compute_window
from geosar.errors import EngineError, SceneChangedError, TranslationCancelled
from geosar.grid import Window
from geosar.models import load_model
from helpers.rasters.large_scene import pixels, write_scene
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scenes") / "scene.tif")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_a_cluster_makes_the_same_file(tmp_path: Path, scene: Path, model: Path, client: Client) -> None:
    here = geosar.translate(scene, tmp_path / "here.tif", model=model, threads=1)
    messages: list[geosar.Progress] = []
    there = geosar.translate(
        scene,
        tmp_path / "there.tif",
        model=model,
        threads=1,
        cluster=client.scheduler.address,
        progress=messages.append,
    )
    assert there.windows_skipped == here.windows_skipped == 1
    assert (tmp_path / "there.tif").read_bytes() == (tmp_path / "here.tif").read_bytes()
    assert messages[-1].windows_done == there.windows_total


def test_a_part_on_a_cluster_is_the_same_part(tmp_path: Path, scene: Path, model: Path, client: Client) -> None:
    left, _, right, top = geosar.open_scene(scene).grid.bounds
    bounds = (left + 1000, top - 9000, right - 2000, top - 300)
    geosar.translate(scene, tmp_path / "here.tif", model=model, threads=1, bbox=bounds)
    geosar.translate(scene, tmp_path / "there.tif", model=model, threads=1, bbox=bounds, cluster=client)
    assert (pixels(tmp_path / "there.tif")[0] == pixels(tmp_path / "here.tif")[0]).all()


def test_a_cluster_that_is_not_there(tmp_path: Path, scene: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geosar.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(EngineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        geosar.translate(scene, tmp_path / "out.tif", model=model, cluster="tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match="Expected an address"):
        geosar.translate(scene, tmp_path / "out.tif", model=model, cluster="nonsense://?")
    assert not any(tmp_path.iterdir())


def test_a_stopped_run_on_a_cluster_resumes(tmp_path: Path, scene: Path, model: Path, client: Client) -> None:
    stop = threading.Event()
    with pytest.raises(TranslationCancelled):
        geosar.translate(
            scene, tmp_path / "out.tif", model=model, threads=1, cluster=client, cancel=stop,
            progress=lambda now: stop.set() if now.windows_done >= 2 else None,
        )  # fmt: skip
    assert not (tmp_path / "out.tif").exists()
    report = geosar.translate(scene, tmp_path / "out.tif", model=model, threads=1, cluster=client, resume=True)
    assert report.windows_resumed >= 2
    geosar.translate(scene, tmp_path / "here.tif", model=model, threads=1)
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "here.tif").read_bytes()


def recipe(scene: Path, model: Path, **changes: str) -> Recipe:
    packaged = load_model(model)
    with geosar.open_scene(scene) as opened:
        values = {"fingerprint": opened.fingerprint, "engine": "openvino", "checksum": packaged.checksum} | changes
    return Recipe(
        source=str(scene), opening=(), polarisations=("VV",), model=str(model), device="cpu", precision="int8",
        threads=1, **values,
    )  # fmt: skip


def test_a_worker_refuses_another_file_and_another_engine(scene: Path, model: Path) -> None:
    with pytest.raises(SceneChangedError, match="another file"):
        compute_window(recipe(scene, model, fingerprint="0" * 64), Window(0, 0, 64, 64))
    with pytest.raises(EngineError, match="same versions everywhere"):
        compute_window(recipe(scene, model, engine="openvino 1999.1"), Window(0, 0, 64, 64))
