"""The outputs' names, and what is refused before any work."""

from pathlib import Path

import pytest

from geosar.errors import TargetError, TargetExistsError
from geosar.outputs import plan_targets, write_json


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    path.write_bytes(b"source")
    return path


def test_side_files_lie_beside_the_image_unless_named(tmp_path: Path, source: Path) -> None:
    targets = plan_targets(source, tmp_path / "a.tif", True, False, tmp_path / "item.json")
    assert targets.error_band == tmp_path / "a.error.tif"
    assert targets.quicklook is None
    assert targets.all() == (tmp_path / "a.tif", tmp_path / "a.error.tif", tmp_path / "item.json")


@pytest.mark.parametrize("kind", ["same", "symlink", "hardlink", "dotted"])
def test_the_source_is_never_the_target(tmp_path: Path, source: Path, kind: str) -> None:
    target = tmp_path / "link.tif"
    if kind == "same":
        target = source
    elif kind == "dotted":
        target = tmp_path / "x" / ".." / "scene.tif"
        (tmp_path / "x").mkdir()
    elif kind == "symlink":
        target.symlink_to(source)
    else:
        target.hardlink_to(source)
    with pytest.raises(TargetError, match="source"):
        plan_targets(source, target, overwrite=True)
    with pytest.raises(TargetError, match="source"):
        plan_targets({"VV": source}, tmp_path / "a.tif", target, overwrite=True)
    assert source.read_bytes() == b"source"


def test_nothing_is_written_into_a_product(tmp_path: Path) -> None:
    safe = tmp_path / "S1A.SAFE"
    (safe / "measurement").mkdir(parents=True)
    with pytest.raises(TargetError, match="lies in"):
        plan_targets(safe, safe / "measurement" / "a.tif")
    assert plan_targets(safe, tmp_path / "S1A_optical.tif").image == tmp_path / "S1A_optical.tif"


def test_an_existing_output_is_kept_unless_asked(tmp_path: Path, source: Path) -> None:
    (tmp_path / "a.error.tif").write_bytes(b"old")
    with pytest.raises(TargetExistsError, match="--overwrite"):
        plan_targets(source, tmp_path / "a.tif", True)
    plan_targets(source, tmp_path / "a.tif", True, overwrite=True)


def test_impossible_places_are_refused(tmp_path: Path, source: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(TargetError, match="is a folder"):
        plan_targets(source, tmp_path / "folder")
    with pytest.raises(TargetError, match="does not exist"):
        plan_targets(source, tmp_path / "none" / "a.tif")
    with pytest.raises(TargetError, match="same name"):
        plan_targets(source, tmp_path / "a.tif", tmp_path / "a.tif")


def test_a_remote_source_is_no_file_here(tmp_path: Path) -> None:
    assert plan_targets("https://data.example/scene.tif", tmp_path / "a.tif").image == tmp_path / "a.tif"


def test_json_is_whole_or_not_there(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n'
    with pytest.raises(TargetError):
        write_json(tmp_path / "none" / "a.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
