"""The commands as a person runs them: destinations, exit codes, streams, and never a traceback."""

import json
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from geosar.cli import group
from geosar.cli.destinations import plan_tasks
from geosar.cli.translate import command, rio_command
from geosar.models import library
from helpers.rasters import write_raster
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif")


def write_scene(path: Path, **options: object) -> Path:
    values = np.random.default_rng(0).gamma(4.0, 60.0, (80, 90)).astype(np.uint16) + 1
    return write_raster(path, values, nodata=0, **{"descriptions": ("VV",), **options})


def run(*arguments: object, program: str = "geosar.cli") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", program, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(group, list(map(str, arguments)), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.stdout, result.stderr


def test_one_scene_becomes_the_file_that_is_asked_for(tmp_path: Path, scene: Path, model: Path) -> None:
    done = run("translate", scene, "-o", tmp_path / "a.tif", "--model", model, "--stac", "--error-band", "--quicklook")
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["a.tif", "a.error.tif", "a.png", "a.json"]
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    assert "Synthetic, not an observation" in done.stderr


def test_results_lie_beside_their_scenes_by_default(tmp_path: Path, scene: Path, model: Path) -> None:
    assert invoke("translate", scene, "--model", model)[0] == 0
    assert (tmp_path / "scene_optical.tif").is_file()


def test_several_scenes_go_to_a_folder_that_is_made(tmp_path: Path, scene: Path, model: Path) -> None:
    write_scene(tmp_path / "other.tif")
    code, out, _ = invoke("translate", scene, tmp_path / "other.tif", "--model", model, "-o", tmp_path / "new" / "out")
    assert code == 0
    folder = tmp_path / "new" / "out"
    assert {path.name for path in folder.iterdir()} == {"scene_optical.tif", "other_optical.tif"}
    assert len(out.splitlines()) == 2


def test_one_bad_scene_does_not_stop_the_others_and_the_last_lines_say_which(
    tmp_path: Path, scene: Path, model: Path
) -> None:
    (tmp_path / "text.tif").write_text("this is no raster")
    done = run(
        "translate", tmp_path / "text.tif", tmp_path / "none.tif", scene, "--model", model, "-o", f"{tmp_path}/out/"
    )
    assert done.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scene_optical.tif"]
    *_, heading, first, second = done.stderr.splitlines()
    assert heading == "2 of 3 failed:"
    assert first.strip().startswith(str(tmp_path / "text.tif"))
    assert second.strip().startswith(str(tmp_path / "none.tif"))
    assert "Traceback" not in done.stderr


def test_polarisations_may_come_in_files_of_their_own(tmp_path: Path, model: Path) -> None:
    for name in ("vv", "vh"):
        write_scene(tmp_path / f"{name}.tif", descriptions=())
    code, out, _ = invoke(
        "translate", "--pol", f"VV={tmp_path / 'vv.tif'}", "--pol", f"vh={tmp_path / 'vh.tif'}", "--model", model,
        "-o", tmp_path / "out.tif", "--progress", "json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out.splitlines()[-1])["polarisations"] == ["VV"]


def test_json_progress_is_an_object_a_line(tmp_path: Path, scene: Path, model: Path) -> None:
    arguments = ("translate", scene, tmp_path / "none.tif", "--model", model, "--progress", "json")
    code, out, _ = invoke(*arguments)
    events = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in events]
    assert code == 1
    assert kinds[0] == "begin"
    assert {"progress", "report", "error"} <= set(kinds)
    assert events[kinds.index("report")]["windows_total"] == 1
    assert events[-1]["type"] == "SceneNotFoundError"


def test_an_existing_output_is_kept_unless_asked(tmp_path: Path, scene: Path, model: Path) -> None:
    target = tmp_path / "a.tif"
    target.write_bytes(b"old")
    code, _, errors = invoke("translate", scene, "-o", target, "--model", model)
    assert code == 1
    assert "--overwrite" in errors
    assert target.read_bytes() == b"old"
    assert invoke("translate", scene, "-o", target, "--model", model, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["translate"],
        ["translate", "SCENE", "--pol", "VV=a.tif"],
        ["translate", "SCENE", "--pol", "XX"],
        ["translate", "SCENE", "--pol", "VV="],
        ["translate", "--pol", "VV=a.tif", "--pol", "VV=b.tif"],
        ["translate", "SCENE", "--bbox", "1,2,3"],
        ["translate", "SCENE", "--bbox", "3,2,1,4"],
        ["translate", "SCENE", "--window", "3000"],
        ["translate", "SCENE", "--threads", "0"],
        ["translate", "SCENE", "SCENE", "-o", "out/"],
        ["translate", "https://data.example/scene.tif"],
        ["info"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(scene: Path, model: Path, arguments: list[str]) -> None:
    words = [str(scene) if word == "SCENE" else word for word in arguments]
    if words[0] == "translate":
        words += ["--model", str(model)]
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_traceback_is_shown_to_who_asks(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" not in run("info", tmp_path / "none.tif", "--model", model).stderr
    monkeypatch.setenv("GEOSAR_DEBUG", "1")
    assert "Traceback" in run("info", tmp_path / "none.tif", "--model", model).stderr


def test_translate_geotiff_and_rio_take_the_same(tmp_path: Path, scene: Path, model: Path) -> None:
    assert rio_command.params == command.params
    result = CliRunner().invoke(rio_command, [str(scene), "-o", str(tmp_path / "rio.tif"), "--model", str(model)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "rio.tif").is_file()
    missing = CliRunner().invoke(rio_command, [str(tmp_path / "none.tif"), "--model", str(model)])
    assert missing.exit_code == 1


def test_info_tells_the_grid_the_unit_and_the_models_use(scene: Path, model: Path) -> None:
    code, out, _ = invoke("info", scene, "--json", "--model", model)
    answer = json.loads(out)
    assert code == 0
    assert (answer["width"], answer["height"], answer["unit"], answer["used"]) == (90, 80, "dn", ["VV"])
    assert answer["pixel_size_metres"] == pytest.approx([10, 10], rel=0.01)
    assert answer["refused"] is None
    code, out, _ = invoke("info", scene, "--model", model)
    assert "tiny 1.0" in out


def test_info_says_why_a_model_cannot_take_a_scene(tmp_path: Path, model: Path) -> None:
    hh = write_scene(tmp_path / "hh.tif", descriptions=("HH",))
    answer = json.loads(invoke("info", hh, "--json", "--model", model)[1])
    assert answer["used"] == []
    assert "takes VV or VH" in answer["refused"]


def test_models_are_listed_and_shown(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PACKAGED", model.parent)
    assert invoke("models")[1] == "tiny 1.0  Tiny\n"
    assert json.loads(invoke("models", "list", "--json")[1]) == [{"name": "tiny", "version": "1.0", "title": "Tiny"}]
    (model / "MODEL_CARD.md").write_text("# The card of tiny\n")
    assert "# The card of tiny" in invoke("models", "show", "tiny")[1]
    assert json.loads(invoke("models", "show", str(model), "--json")[1])["halo"] == 16


def test_doctor_finds_everything_that_is_needed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geosar.models.library.PACKAGED", model.parent)
    code, out, _ = invoke("doctor", "--json")
    answer = json.loads(out)
    assert (code, answer["problems"]) == (0, [])
    assert "checksums right" in answer["models"]["tiny"]
    (model / "int8.bin").rename(model / "gone")
    try:
        code, out, _ = invoke("doctor")
    finally:
        (model / "gone").rename(model / "int8.bin")
    assert code == 1
    assert "lacks int8.bin" in out


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    started = time.monotonic()
    assert "translate" in run("--help").stdout
    assert time.monotonic() - started < 3  # a second core may be busy; alone it takes 0.2 s
    code = (
        "import sys; import geosar.cli, geosar.cli.translate; "
        "print([n for n in ('rasterio', 'numpy', 'openvino', 'pydantic', 'torch') if n in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_what_the_user_says_of_a_scene_is_taken(tmp_path: Path, model: Path) -> None:
    power = np.random.default_rng(0).gamma(4.0, 0.02, (2, 80, 90)).astype(np.float32)
    path = write_raster(tmp_path / "patch.tif", power)
    options = ("--band", "VV=2", "--scale", "Linear", "--nodata", "none", "--crs", "EPSG:32644", "--mask-band", "none")
    _, out, _ = invoke("info", path, "--model", model, *options, "--json")
    answer = json.loads(out)
    assert (answer["polarisations"], answer["unit"], answer["crs"]) == (["VV"], "power", "EPSG:32644")
    assert answer["unit_certain"]
    assert {"about": "unit", "value": "power", "source": "stated"}.items() <= next(
        one for one in answer["evidence"] if one["about"] == "unit"
    ).items()
    assert "unit power, by stated" in invoke("info", path, "--model", model, *options)[1]
    assert (
        invoke("translate", path, "--model", model, "--band", "VV=1", "--band", "VH=2", "-o", tmp_path / "o.tif")[0]
        == 0
    )


@pytest.mark.parametrize("spelling", ["dB", "Decibels", "LINEAR", "linear power", "Digital-Number"])
def test_units_are_read_in_any_usual_spelling(scene: Path, model: Path, spelling: str) -> None:
    assert invoke("info", scene, "--model", model, "--scale", spelling, "--force")[0] == 0


def test_advice_for_bands_without_names_works_when_typed(tmp_path: Path, model: Path) -> None:
    path = write_scene(tmp_path / "two.tif", descriptions=())
    both = write_raster(tmp_path / "both.tif", np.stack([np.full((80, 90), 7, np.uint16)] * 2) + 1)
    failed = run("translate", both, "--model", model, "--force")
    assert "`--band VV=1 --band VH=2`" in failed.stderr
    assert run("translate", both, "--model", model, "--force", "--band", "VV=1", "--band", "VH=2").returncode == 0
    assert invoke("translate", path, "--model", model)[0] == 0


def test_a_scene_that_cannot_be_placed_is_named_and_the_others_go_on(tmp_path: Path, scene: Path, model: Path) -> None:
    nowhere = write_scene(tmp_path / "nowhere.tif", crs=None, transform=None)
    done = run("translate", nowhere, scene, "--model", model, "--resample-to-model", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert (tmp_path / "out" / "scene_optical.tif").is_file()
    assert f"{nowhere}: The scene has no CRS" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(("output", "words"), [("o.png", "-o .*o.tif, and --quicklook"), ("o.tif", "folder")])
def test_a_name_that_says_something_else_than_is_written_is_refused(
    tmp_path: Path, scene: Path, model: Path, output: str, words: str
) -> None:
    scenes = (scene,) if output == "o.png" else (scene, write_scene(tmp_path / "other.tif"))
    with pytest.raises(click.UsageError, match=words):
        invoke("translate", *scenes, "--model", model, "-o", tmp_path / output)
    assert not (tmp_path / output).exists()


def test_a_manifest_is_named_after_its_product(tmp_path: Path) -> None:
    (task,) = plan_tasks([str(tmp_path / "S1A_x.SAFE" / "manifest.safe")], {}, None)
    assert task.destination == tmp_path / "S1A_x_optical.tif"
    (task,) = plan_tasks([str(tmp_path / "s_VV.tif.gz")], {}, None)
    assert task.destination == tmp_path / "s_VV_optical.tif"


def test_no_secret_of_a_url_is_printed(tmp_path: Path, model: Path) -> None:
    url = "http://me:hidden@127.0.0.1:9/a_VV.tif?sig=SECRET"
    for progress in ("none", "json"):
        done = run("translate", url, "--model", model, "-o", tmp_path / "o.tif", "--progress", progress)
        assert done.returncode == 1
        assert "127.0.0.1:9/a_VV.tif" in done.stderr + done.stdout
        assert not any(word in done.stderr + done.stdout for word in ("hidden", "SECRET"))
