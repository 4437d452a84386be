"""Scenes on an https server and in a store of objects, read in place by the commands as a person runs them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from helpers.rasters import speckled, write_raster
from helpers.rasters.remote_files import S3_SETTINGS, HttpsFiles, object_store
from helpers.tiny_model import write_model


def run(*command: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own, which knows nothing of what GDAL was told here."""
    settings = re.compile("^(GDAL|CPL|VSI|AWS)_|CA_BUNDLE$|^SSL_")
    others = {name: value for name, value in os.environ.items() if not settings.search(name)}
    return subprocess.run(
        [sys.executable, "-m", "geosar.cli", *map(str, command)], check=False, capture_output=True, text=True,
        timeout=120, env={**others, **environment},
    )  # fmt: skip


def tiled(folder: Path, **options: Any) -> Path:
    return write_raster(
        folder / "fields_power.tif", speckled((2, 600, 700)), descriptions=("VV", "VH"), tiled=True, **options
    )


def same_pixels(one: Path, other: Path) -> bool:
    with rasterio.open(one) as first, rasterio.open(other) as second:
        return bool((np.asarray(first.read()) == second.read()).all())


def test_an_object_of_s3_is_described_and_translated_as_the_file_is(tmp_path: Path) -> None:
    scene, model = tiled(tmp_path), write_model(tmp_path / "tiny")
    with object_store(fields_power=scene) as store:
        settings = {**S3_SETTINGS, "AWS_S3_ENDPOINT": store}
        there = "s3://scenes/fields_power.tif"
        described = run("info", there, "--json", **settings)
        assert described.returncode == 0, described.stderr
        answer = json.loads(described.stdout)
        assert (answer["width"], answer["height"], answer["polarisations"]) == (700, 600, ["VV", "VH"])
        done = run("translate", there, "-o", tmp_path / "far.tif", "--model", model, **settings)
        assert done.returncode == 0, done.stderr
        absent = run("info", "s3://scenes/nothing.tif", **settings)
        assert absent.returncode == 1
        assert "s3://scenes/nothing.tif" in absent.stderr
        assert "Traceback" not in absent.stderr
    near = run("translate", scene, "-o", tmp_path / "near.tif", "--model", model)
    assert near.returncode == 0, near.stderr
    assert same_pixels(tmp_path / "far.tif", tmp_path / "near.tif")


def test_a_file_of_an_https_server_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    scene, model = tiled(tmp_path), write_model(tmp_path / "tiny")
    with HttpsFiles(tmp_path).running() as files:
        files.contents["/data/fields_power.tif"] = scene.read_bytes()
        there = f"{files.url}/data/fields_power.tif"
        done = run("translate", there, "-o", tmp_path / "far.tif", "--model", model, SSL_CERT_FILE=str(files.authority))
        assert done.returncode == 0, done.stderr
        assert files.asked
        assert all(files.asked)  # parts alone, never the whole
        unknown = run("info", there)
        assert unknown.returncode == 1
        assert "certificate" in unknown.stderr.lower()
        files.most = 1000
        broken = run("info", there, SSL_CERT_FILE=str(files.authority), GDAL_HTTP_MAX_RETRY="0")
        assert broken.returncode == 1
        assert "Traceback" not in broken.stderr
    near = run("translate", scene, "-o", tmp_path / "near.tif", "--model", model)
    assert near.returncode == 0, near.stderr
    assert same_pixels(tmp_path / "far.tif", tmp_path / "near.tif")
