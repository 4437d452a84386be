"""Nothing that a translation reads is written over by it, by whatever name or link it is called."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geosar
from geosar.errors import TargetError
from helpers.rasters import speckled, write_raster
from helpers.rasters.safe_product import write_product
from helpers.tiny_model import write_model

SIDE = 300


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    for number, name in enumerate(("VV", "VH")):
        write_raster(tmp_path / f"p_{name}.tif", speckled((1, SIDE, SIDE), seed=number), units="power")
    (tmp_path / "link_VH.tif").symlink_to(tmp_path / "p_VH.tif")
    (tmp_path / "hard.tif").hardlink_to(tmp_path / "p_VV.tif")
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "p_VV.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    write_raster(
        tmp_path / "true.tif", np.full((3, SIDE, SIDE), 90, np.uint8), photometric="rgb",
    )  # fmt: skip
    return tmp_path


@pytest.fixture
def product(tmp_path: Path) -> Path:
    return write_product(tmp_path, {"VV": np.full((SIDE, SIDE), 200, np.uint16)})


def refused(folder: Path, source: Any, target: Path, **options: Any) -> None:
    model = write_model(folder.parent / "tiny") if not (folder.parent / "tiny").exists() else folder.parent / "tiny"
    before = sums(folder)
    with pytest.raises(TargetError, match=r"Choose another name"):
        geosar.translate(source, target, model=model, overwrite=True, **options)
    assert sums(folder) == before


def sums(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("scheme", ["file://", "FILE://localhost"])
def test_a_source_by_its_url(pair: Path, scheme: str) -> None:
    refused(pair, f"{scheme}{pair}/p_VV.tif", pair / "p_VV.tif")


@pytest.mark.parametrize("target", ["p_VH.tif", "link_VH.tif", "folder/p_VH.tif", "hard.tif", "p_VV.tif.aux.xml"])
def test_what_was_found_beside_the_source(pair: Path, target: str) -> None:
    refused(pair, pair / "p_VV.tif", pair / target)


@pytest.mark.parametrize("wish", ["error_band", "quicklook", "stac"])
def test_an_output_beside_the_image(pair: Path, wish: str) -> None:
    refused(pair, pair / "p_VV.tif", pair / "new.tif", **{wish: pair / "folder" / "p_VH.tif"})


def test_the_image_whose_tone_is_matched(pair: Path) -> None:
    refused(pair, pair / "p_VV.tif", pair / "true.tif", match=pair / "true.tif")
    refused(pair, pair / "p_VV.tif", pair / "true.tif", match=f"file://{pair}/true.tif")


def test_the_model(pair: Path) -> None:
    model = write_model(pair / "own")
    before = sums(pair)
    with pytest.raises(TargetError, match="Choose another name"):
        geosar.translate(pair / "p_VV.tif", model / "manifest.json", model=model, overwrite=True)
    assert sums(pair) == before


@pytest.mark.parametrize("source", ["", "manifest.safe"])
@pytest.mark.parametrize("pattern", ["measurement/*.tiff", "annotation/calibration/*.xml", "manifest.safe"])
def test_a_part_of_a_product(product: Path, source: str, pattern: str) -> None:
    (part,) = product.glob(pattern)
    refused(product, product / source, part)
    outside = product.parent / "outside.tif"
    outside.symlink_to(part)
    refused(product, product / source, outside)
    outside.unlink()
    os.link(part, outside)
    refused(product, product / source, outside)


def test_nothing_new_comes_into_a_product_that_is_named_by_its_manifest(product: Path) -> None:
    refused(product, product / "manifest.safe", product / "new.tif")


def test_a_copy_of_the_source_may_be_written_over(pair: Path) -> None:
    shutil.copy(pair / "p_VV.tif", pair / "other.tif")
    report = geosar.translate(
        pair / "p_VV.tif", pair / "other.tif", model=write_model(pair.parent / "small"), overwrite=True
    )
    assert report.destination == pair / "other.tif"
