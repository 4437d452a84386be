"""The copies that tiles are made from: there when they are whole, and honest about what failed."""

from pathlib import Path

import numpy as np
import pytest
from rio_cogeo.cogeo import cog_validate

from geosar.errors import SceneReadError, TargetError
from geosar_tiler.jobs.publish_copy import published_as_cog
from helpers.rasters import write_raster


def test_what_was_written_becomes_a_cog_and_nothing_else_is_left(tmp_path: Path) -> None:
    with published_as_cog(tmp_path / "copy.tif") as flat:
        write_raster(flat, np.ones((600, 700), np.uint8))
        assert not (tmp_path / "copy.tif").exists()
    assert cog_validate(tmp_path / "copy.tif")[0]
    assert [path.name for path in tmp_path.iterdir()] == ["copy.tif"]


def fail_halfway(destination: Path) -> None:
    with published_as_cog(destination) as flat:
        flat.write_bytes(b"half")
        raise SceneReadError("block 3 is damaged")


def test_a_source_that_cannot_be_read_is_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(SceneReadError, match="block 3"):
        fail_halfway(tmp_path / "copy.tif")
    assert not any(tmp_path.iterdir())


def test_a_disk_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="disk full"), published_as_cog(tmp_path / "copy.tif"):
        raise OSError(28, "No space left on device")
    assert not any(tmp_path.iterdir())
