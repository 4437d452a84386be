"""``geosar map`` as a person runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from geosar.cli import group
from geosar.cli.running import guarded
from helpers.rasters import speckled, write_raster

SYNTHETIC = {"GEOSAR_SYNTHETIC": "YES", "GEOSAR_MODEL": "s1-rgb 0.1", "GEOSAR_SOURCE": "scene_vv_db.tif"}


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `geosar map`, run as the console script does, in the folder of rasters."""
    monkeypatch.chdir(folder)

    def running(*arguments: object) -> Done:
        code = guarded(lambda: group.main(["map", *map(str, arguments)], standalone_mode=False))
        return Done(code, *capsys.readouterr())

    return running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_folder = tmp_path_factory.mktemp("map")
    write_raster(data_folder / "scene_vv_db.tif", 10 * np.log10(speckled((90, 110))))
    colours = np.full((3, 90, 110), 90, np.uint8)
    write_raster(data_folder / "optical.tif", colours, tags=SYNTHETIC)
    write_raster(data_folder / "error.tif", colours[:1], tags=SYNTHETIC)
    write_raster(data_folder / "elsewhere.tif", colours, crs="EPSG:32633", tags=SYNTHETIC)
    return data_folder


def test_three_rasters_become_one_file_that_says_synthetic(folder: Path, run: Run) -> None:
    done = run("scene_vv_db.tif", "optical.tif", "error.tif", "-o", "a.html", "--size", 256, "--title", "A & B")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "a.html")]
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "guessed from scene_vv_db.tif by the model s1-rgb 0.1" in page
    assert "<title>A &amp; B</title>" in page
    assert page.count("L.imageOverlay(") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("absent.tif",), 1, "absent.tif does not exist"),
        (("scene_vv_db.tif", "elsewhere.tif"), 1, "they do not overlap"),
        (("optical.tif",) * 13, 2, "13 rasters were given; a map holds 12"),
        (("optical.tif", "-o", "error.tif"), 1, "error.tif exists already"),
        (("optical.tif", "-o", "optical.tif", "--overwrite"), 1, "is, or lies in, the source"),
        (("optical.tif", "-o", "no/map.html"), 1, "does not exist. Create it first"),
        (("optical.tif", "--size", "9"), 2, "9 is not in the range"),
        (("scene_vv_db.tif", "--pol", "HH"), 1, "HH"),
        ((), 2, "Missing argument"),
    ],
)
def test_errors_are_told_in_words(folder: Path, run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (folder / "map.html").exists()


def test_an_existing_map_is_replaced_only_when_asked(run: Run) -> None:
    assert run("optical.tif", "-o", "b.html", "--size", 64).returncode == 0
    assert "Choose another name, or --overwrite it" in run("optical.tif", "-o", "b.html").stderr
    assert run("optical.tif", "-o", "b.html", "--size", 64, "--overwrite").returncode == 0
