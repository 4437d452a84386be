"""When something goes wrong in the pipeline: the target stays as it was, and the error says what to do."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import geosar
from geosar.cog import CogSink
from geosar.errors import (
    BoundsError,
    EngineError,
    PolarisationError,
    ResumeError,
    SceneChangedError,
    SceneNotFoundError,
    SceneReadError,
    TargetError,
    TargetExistsError,
    TranslationCancelled,
    UnitError,
    UsageError,
)
from geosar.models import Model, load_model
from geosar.report import Progress
from geosar.scene import SarScene
from helpers.rasters import write_raster
from helpers.rasters.large_scene import write_scene
from helpers.tiny_model import write_model

if TYPE_CHECKING:
    from geosar.grid import Window


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="module")
def scene(work: Path) -> Path:
    return write_scene(work / "scene.tif")


@pytest.fixture(scope="module")
def model(work: Path) -> Model:
    return load_model(write_model(work / "tiny"))


def at_window(number: int, act: Callable[[], Any]) -> Callable[[Progress], None]:
    """Make a listener that acts when so many windows are done."""
    acted: list[bool] = []

    def listen(progress: Progress) -> None:
        if progress.windows_done == number and not acted:
            acted.append(True)
            act()

    return listen


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"window_size": 1000}, UsageError),
        ({"window_size": 0}, UsageError),
        ({"device": "tpu"}, UsageError),
        ({"precision": "int4"}, UsageError),
        ({"compress": "rar"}, UsageError),
        ({"scale": "bananas"}, UnitError),
        ({"bbox": (0.0, 0.0, 1.0, 1.0)}, BoundsError),
        ({"polarisation": "HH"}, PolarisationError),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_and_leaves_nothing(
    tmp_path: Path, scene: Path, model: Model, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        geosar.translate(scene, tmp_path / "out.tif", **{"model": model, **options})
    assert left(tmp_path) == set()


def test_a_missing_scene_is_not_found(tmp_path: Path, model: Model) -> None:
    with pytest.raises(SceneNotFoundError):
        geosar.translate(tmp_path / "none.tif", tmp_path / "out.tif", model=model)


def test_only_vh_for_a_model_of_vv_is_refused(tmp_path: Path) -> None:
    only_vv = write_model(tmp_path / "vv", inputs={"channels": 1, "accepts": [["VV"]], "clip": [-3.0, 4.0]})
    values = np.random.default_rng(0).gamma(4.0, 50.0, (64, 64)).astype(np.uint16) + 1
    source = write_raster(tmp_path / "vh.tif", values, descriptions=("VH",))
    with pytest.raises(PolarisationError, match="the scene has VH, but the model tiny takes VV"):
        geosar.translate(source, tmp_path / "out.tif", model=only_vv)


def test_the_source_is_not_overwritten_through_a_link(tmp_path: Path, scene: Path, model: Model) -> None:
    before = scene.read_bytes()
    os.link(scene, tmp_path / "link.tif")
    with pytest.raises(TargetError, match="source"):
        geosar.translate(scene, tmp_path / "link.tif", model=model, overwrite=True)
    assert scene.read_bytes() == before


def test_an_existing_output_is_kept_unless_asked(tmp_path: Path, scene: Path, model: Model) -> None:
    (tmp_path / "out.tif").write_bytes(b"old")
    with pytest.raises(TargetExistsError):
        geosar.translate(scene, tmp_path / "out.tif", model=model)
    assert (tmp_path / "out.tif").read_bytes() == b"old"


def test_a_stop_keeps_the_old_file_and_a_resumed_run_gives_the_same_bytes(
    tmp_path: Path, scene: Path, model: Model
) -> None:
    geosar.translate(scene, tmp_path / "undisturbed.tif", model=model, error_band=True)
    for name in ("out.tif", "out.error.tif"):
        (tmp_path / name).write_bytes(b"old")
    cancel = threading.Event()
    options: dict[str, Any] = {"model": model, "error_band": True, "overwrite": True}
    with pytest.raises(TranslationCancelled, match="--resume"):
        geosar.translate(scene, tmp_path / "out.tif", cancel=cancel, progress=at_window(3, cancel.set), **options)
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "out.error.tif").read_bytes() == b"old"
    report = geosar.translate(scene, tmp_path / "out.tif", resume=True, **options)
    assert report.windows_resumed >= 3
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "undisturbed.tif").read_bytes()
    assert (tmp_path / "out.error.tif").read_bytes() == (tmp_path / "undisturbed.error.tif").read_bytes()
    assert left(tmp_path) == {"out.tif", "out.error.tif", "undisturbed.tif", "undisturbed.error.tif"}


def test_an_unfinished_run_of_another_job_is_not_continued(tmp_path: Path, scene: Path, model: Model) -> None:
    cancel = threading.Event()
    with pytest.raises(TranslationCancelled):
        geosar.translate(scene, tmp_path / "out.tif", model=model, cancel=cancel, progress=at_window(2, cancel.set))
    with pytest.raises(ResumeError, match="float32"):
        geosar.translate(scene, tmp_path / "out.tif", model=model, precision="float32", resume=True)


def test_a_stop_before_the_first_window_leaves_nothing(tmp_path: Path, scene: Path, model: Model) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(TranslationCancelled):
        geosar.translate(scene, tmp_path / "out.tif", model=model, cancel=cancel)
    assert left(tmp_path) == set()


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path: Path, model: Model) -> None:
    source = write_scene(tmp_path / "scene.tif", width=2100, height=500)
    with pytest.raises(SceneChangedError):
        geosar.translate(
            source, tmp_path / "out.tif", model=model, progress=at_window(1, lambda: os.utime(source, (1, 1)))
        )
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("owner", "method", "error"),
    [
        (SarScene, "read_padded", SceneReadError("block 7 cannot be decoded")),
        (CogSink, "write", TargetError("the disk is full")),
        (CogSink, "prepare", TargetError("the disk is full")),
    ],
)
def test_an_error_of_any_stage_surfaces_as_it_is(  # noqa: PLR0917 - pytest fills them by name
    tmp_path: Path,
    scene: Path,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    error: Exception,
) -> None:
    original, calls = getattr(owner, method), []

    def failing(self: Any, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 2 or method == "prepare":
            raise error
        return original(self, *arguments)

    (tmp_path / "out.tif").write_bytes(b"old")
    monkeypatch.setattr(owner, method, failing)
    with pytest.raises(type(error)) as caught:
        geosar.translate(scene, tmp_path / "out.tif", model=model, overwrite=True)
    assert caught.value is error
    assert (tmp_path / "out.tif").read_bytes() == b"old"
    monkeypatch.setattr(owner, method, original)
    geosar.translate(scene, tmp_path / "out.tif", model=model, overwrite=True, resume=True)
    assert left(tmp_path) == {"out.tif"}


def test_both_outputs_appear_or_neither(
    tmp_path: Path, scene: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = CogSink.prepare

    def failing(self: CogSink) -> None:
        if self.path.name == "out.error.tif":
            raise TargetError("the disk is full")
        original(self)

    monkeypatch.setattr(CogSink, "prepare", failing)
    with pytest.raises(TargetError, match="full"):
        geosar.translate(scene, tmp_path / "out.tif", model=model, error_band=True)
    assert not [name for name in left(tmp_path) if not name.startswith(".")]


def test_an_engine_that_fails_stops_the_run(
    tmp_path: Path, scene: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise EngineError("out of memory")

    monkeypatch.setattr("geosar.engines.openvino.OpenVinoEngine.run", failing)
    with pytest.raises(EngineError, match="out of memory"):
        geosar.translate(scene, tmp_path / "out.tif", model=model)
    assert not (tmp_path / "out.tif").exists()


def test_windows_without_data_are_not_even_computed(
    tmp_path: Path, scene: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geosar.engines.openvino import OpenVinoEngine  # noqa: PLC0415 - named like the library, so kept close

    sizes: list[Window] = []
    original = OpenVinoEngine.run

    def counting(self: OpenVinoEngine, batch: Any) -> Any:
        sizes.append(batch.shape)
        return original(self, batch)

    monkeypatch.setattr(OpenVinoEngine, "run", counting)
    report = geosar.translate(scene, tmp_path / "out.tif", model=model)
    assert (report.windows_skipped, len(sizes)) == (1, 5)
