"""The manifest: what is valid, and that each fault is refused with its name."""

import json
from pathlib import Path
from typing import Any

import pytest

from geosar.errors import ModelFormatError
from geosar.models.manifest import read_manifest

SUM = "0" * 64


def valid() -> dict[str, Any]:
    return {
        "format": "geosar-model/1", "name": "s1-test", "version": "1.0", "title": "T", "description": "D",
        "inputs": {"channels": 1, "accepts": [["VV"], ["VH"]], "clip": [-3, 4], "normalisation": "scene"},
        "ground_sampling_distance": 10, "stride": 32, "halo": 160,
        "outputs": ["red", "green", "blue", "error"],
        "files": {
            "int8": {"path": "a.xml", "engine": "openvino", "sha256": SUM, "data_path": "a.bin", "data_sha256": SUM},
            "weights": {"path": "w.safetensors", "engine": "safetensors", "sha256": SUM},
        },
        "licence": "Apache-2.0",
    }  # fmt: skip


def written(folder: Path, values: dict[str, Any]) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(values))
    return path


def test_a_valid_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(written(tmp_path, valid()))
    assert manifest.inputs.accepts == (("VV",), ("VH",))
    assert manifest.files["int8"].parts() == (("a.xml", SUM), ("a.bin", SUM))
    assert (manifest.stride, manifest.halo) == (32, 160)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "geosar-model/2"}, "format"),
        ({"surprise": 1}, "surprise"),
        ({"outputs": ["red", "green", "blue"]}, "outputs"),
        ({"stride": 0}, "stride"),
        ({"halo": -1}, "halo"),
        ({"ground_sampling_distance": 0}, "ground_sampling_distance"),
        ({"name": "../evil"}, "name"),
        ({"files": {}}, "files"),
        ({"inputs": {"channels": 1, "accepts": [["VV", "VH"]], "clip": [-3, 4]}}, "channels"),
        ({"inputs": {"channels": 1, "accepts": [["XX"]], "clip": [-3, 4]}}, "XX"),
        ({"inputs": {"channels": 1, "accepts": [["VV"]], "clip": [4, -3]}}, "rise"),
        ({"files": {"int8": {"path": "../a.onnx", "engine": "onnx", "sha256": SUM}}}, "own folder"),
        ({"files": {"int8": {"path": "/etc/a.onnx", "engine": "onnx", "sha256": SUM}}}, "own folder"),
        ({"files": {"int8": {"path": "a.onnx", "engine": "onnx", "sha256": "short"}}}, "sha256"),
        ({"files": {"int8": {"path": "a.xml", "engine": "openvino", "sha256": SUM}}}, "data_path"),
        ({"files": {"int8": {"path": "a.safetensors", "engine": "safetensors", "sha256": SUM}}}, "weights"),
    ],
)
def test_a_fault_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelFormatError, match=words):
        read_manifest(written(tmp_path, valid() | change))


def test_a_missing_or_broken_manifest_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"holds a manifest\.json"):
        read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text("{not json")
    with pytest.raises(ModelFormatError, match="Package the model again"):
        read_manifest(tmp_path / "manifest.json")
