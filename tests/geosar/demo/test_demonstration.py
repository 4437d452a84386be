"""The demonstration, run on the real example patches with the built-in model."""

import io
from pathlib import Path

import pytest
import rasterio
from PIL import Image
from rich.console import Console

from geosar.demo.demonstration import demonstrate, main
from geosar.demo.examples import unpack_examples


def test_it_translates_six_real_scenes_and_says_that_they_are_synthetic(tmp_path: Path) -> None:
    output = io.StringIO()
    shown = demonstrate(tmp_path, None, None, Console(file=output, width=200))
    assert len(shown) == 6
    for one in shown:
        with rasterio.open(one.report.destination) as dataset, rasterio.open(one.place.truth[0]) as truth:
            assert (dataset.crs, dataset.transform, dataset.shape) == (truth.crs, truth.transform, truth.shape)
            assert dataset.tags()["GEOSAR_SYNTHETIC"] == "YES"
        assert str(one.report.destination) in output.getvalue()
        assert all(path.is_file() for path in one.report.outputs)
        with Image.open(one.picture) as picture:
            assert picture.width > 3 * 240
    assert "Synthetic optical" in (tmp_path / "map.html").read_text(encoding="utf-8")
    assert f"{tmp_path / 'map.html'}   {shown[-1].place.name} on a map" in output.getvalue()
    assert f"Open {tmp_path / 'overview.png'} first" in output.getvalue()
    assert "not an observation" in output.getvalue()


@pytest.fixture
def _two_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two patches are as good as six where something else is looked at."""
    monkeypatch.setattr(
        "geosar.demo.demonstration.unpack_examples", lambda folder, wheel: unpack_examples(folder, wheel)[:2]
    )


@pytest.mark.usefixtures("_two_examples")
def test_it_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOSAR_DATA", raising=False)
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path)]) == 0


def test_it_fails_with_a_reason_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--examples", str(tmp_path / "absent.whl")]) == 1
    assert "absent.whl holds no BigEarthNet-S1-Example.tar.bz2" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.usefixtures("_two_examples")
def test_with_data_it_translates_los_angeles_too(tmp_path: Path, data_dir: Path) -> None:
    shown = demonstrate(tmp_path, None, str(data_dir), Console(file=io.StringIO()))
    assert [one.place.name for one in shown][-1] == "los_angeles"
    assert (shown[-1].report.width, shown[-1].report.height) == (5120, 3072)
