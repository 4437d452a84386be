"""The example patches: unpacked, paired, and nothing written where an archive would like to."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geosar.demo.examples import unpack_examples
from geosar.errors import SceneNotFoundError


def tarball(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_radar_and_truth_of_a_pair_lie_on_one_grid(tmp_path: Path) -> None:
    pairs = unpack_examples(tmp_path)
    assert [pair.name for pair in pairs] == [
        "29SND_56_35", "29UPU_36_85", "29UPU_4_55", "33UUP_87_48", "35VPK_57_38", "35VPK_69_24",
    ]  # fmt: skip
    for pair in pairs:
        grids = set()
        for path in (*pair.sar.values(), *pair.optical):
            with rasterio.open(path) as dataset:
                grids.add((dataset.crs, dataset.transform, dataset.shape))
        assert len(grids) == 1
        assert grids.pop()[2] == (120, 120)


def test_bands_are_what_they_are_called(tmp_path: Path) -> None:
    for pair in unpack_examples(tmp_path):
        with rasterio.open(pair.sar["VV"]) as vv, rasterio.open(pair.sar["VH"]) as vh:
            # Over land the cross-polarised echo is several decibels below the co-polarised one.
            assert 3 < np.median(vv.read(1)) - np.median(vh.read(1)) < 12
        assert [path.stem[-3:] for path in pair.optical] == ["B04", "B03", "B02"]


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    radar = {
        "../../escaped/P_1_2/P_1_2_VV.tif": b"radar",
        "../../escaped/P_1_2/P_1_2_VH.tif": b"radar",
        "../../escaped/P_1_2/P_1_2_labels_metadata.json": b'{"corresponding_s2_patch": "Q"}',
    }
    truth = {f"/Q/Q{band}": b"truth" for band in ("_B04.tif", "_B03.tif", "_B02.tif")}
    wheel = tmp_path / "hostile.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("bigearthnet_common/BigEarthNet-S1-Example.tar.bz2", tarball(radar))
        archive.writestr("bigearthnet_common/BigEarthNet-S2-Example.tar.bz2", tarball(truth))
    folder = tmp_path / "a" / "b"
    (pair,) = unpack_examples(folder, wheel)
    assert pair.sar["VV"].read_bytes() == b"radar"
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - {wheel}
    assert {path.parent for path in written} == {folder}
    assert len(written) == 5


def test_a_wheel_without_the_patches_is_refused_with_what_to_do(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(SceneNotFoundError, match=r"other\.whl holds no .* `pip download --no-deps"):
        unpack_examples(tmp_path / "folder", wheel)


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geosar.demo.examples.find_spec", lambda _name: None)
    with pytest.raises(SceneNotFoundError, match="pip install --no-deps bigearthnet-common"):
        unpack_examples(tmp_path)
