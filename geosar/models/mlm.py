"""A packaged model as an item for STAC catalogues, by the Machine Learning Model extension.

https://github.com/stac-extensions/mlm, version 1.5.0.
"""

import re
from datetime import datetime
from typing import Any

from geosar.models.manifest import FileSpec, InputSpec, ModelManifest

NAME = "stac-mlm.json"
EXTENSIONS = (
    "https://stac-extensions.github.io/mlm/v1.5.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)
_MADE_BY = {
    "openvino": ("OpenVINO", "openvino.save_model", "application/xml"),
    "onnx": ("ONNX", "torch.onnx.export", "application/octet-stream"),
    "safetensors": ("PyTorch", "safetensors.torch.save", "application/octet-stream"),
}
"""Framework, what wrote the file, and its media type, by engine."""
_WORLD = [-180.0, -90.0, 180.0, 90.0]
_DIMENSIONS = ["batch", "bands", "height", "width"]


def mlm_item(manifest: ModelManifest, packaged: datetime) -> dict[str, Any]:
    """Return the item, whose files lie beside it; `packaged` is when the model was packaged.

    It lies on the whole Earth: a model is not bound to a place.
    """
    west, south, east, north = _WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    bands = _bands(manifest.inputs)
    despeckled = [f"despeckled {band}" for band in bands] if manifest.despeckles else []
    outputs = [_output("optical", list(manifest.outputs), "Red, green, blue and expected error, 0 to 255; synthetic.")]
    if despeckled:
        outputs.append(_output("despeckled", despeckled, "Normalised backscatter without its speckle."))
    training = manifest.training
    settings = training.get("settings", {})
    known = {"method": settings.get("method"), "updates": training.get("updates"), "pairs": training.get("pairs")}
    parameters = {key: value for key, value in known.items() if value is not None}
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": list(EXTENSIONS),
        "id": f"{manifest.name}-{manifest.version}",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": _WORLD,
        "properties": {
            "datetime": packaged.isoformat().replace("+00:00", "Z"),
            "title": manifest.title, "description": manifest.description, "version": manifest.version,
            "license": manifest.licence if re.fullmatch(r"[\w.+-]+", manifest.licence) else "other",
            "geosar:credit": list(manifest.credit),
            "gsd": manifest.ground_sampling_distance,
            "bands": [{"name": name} for name in (*bands, *manifest.outputs, *despeckled)],
            "mlm:name": _name(manifest),
            "mlm:architecture": str(settings.get("method", "convolutional network")),
            "mlm:tasks": ["generative"],
            "mlm:input": [_input(manifest)],
            "mlm:output": outputs,
            **({"mlm:hyperparameters": parameters} if parameters else {}),
        },
        "assets": _assets(manifest), "links": [],
    }  # fmt: skip


def _name(manifest: ModelManifest) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.\s-]", "-", f"geosar {manifest.name} {manifest.version}")
    return plain.strip("_.- ")


def _bands(inputs: InputSpec) -> tuple[str, ...]:
    return inputs.planes or inputs.accepts[0]


def _input(manifest: ModelManifest) -> dict[str, Any]:
    inputs, bands = manifest.inputs, _bands(manifest.inputs)
    low, high = inputs.clip
    words = f"(Decibels - mean) / deviation, clipped to {low:g} ... {high:g}; of scenes that are not calibrated by the "
    words += f"mean and deviation of the whole scene. Takes {' or '.join('+'.join(one) for one in inputs.accepts)}."
    if inputs.missing is not None:
        words += f" A polarisation that is missing holds {inputs.missing:g}."
    words += f" Sides are multiples of {manifest.stride}; {manifest.halo} pixels around are context."
    known = [inputs.reference[band] for band in bands if band in inputs.reference]
    scaling = [{"type": "z-score", "mean": mean, "stddev": deviation} for mean, deviation in known]
    return {
        "name": "sar", "description": words, "bands": list(bands),
        "input": {"shape": [-1, inputs.channels, -1, -1], "dim_order": _DIMENSIONS, "data_type": "float32"},
        "value_scaling": scaling if len(known) == len(bands) else None,
        "resize_type": None,
    }  # fmt: skip


def _output(name: str, bands: list[str], words: str) -> dict[str, Any]:
    shape = {"shape": [-1, len(bands), -1, -1], "dim_order": _DIMENSIONS, "data_type": "float32"}
    return {"name": name, "tasks": ["generative"], "description": words, "bands": bands, "result": shape}


def _assets(manifest: ModelManifest) -> dict[str, Any]:
    assets: dict[str, Any] = {
        "manifest": {"href": "./manifest.json", "type": "application/json", "roles": ["metadata"]},
        "card": {"href": "./MODEL_CARD.md", "type": "text/markdown", "roles": ["metadata"]},
    }
    for role, spec in manifest.files.items():
        assets[role] = _model_asset(spec, role)
        if spec.data_path is not None and spec.data_sha256 is not None:
            beside = _file(spec.data_path, spec.data_sha256, "application/octet-stream")
            assets[f"{role}-data"] = {**beside, "title": f"Weights of {role}", "roles": ["mlm:weights"]}
    return assets


def _model_asset(spec: FileSpec, role: str) -> dict[str, Any]:
    framework, written_by, media = _MADE_BY[spec.engine]
    return {
        **_file(spec.path, spec.sha256, media), "title": role, "roles": ["mlm:model"],
        "mlm:framework": framework, "mlm:artifact_type": written_by,
    }  # fmt: skip


def _file(name: str, sha256: str, media: str) -> dict[str, Any]:
    return {"href": f"./{name}", "type": media, "file:checksum": f"1220{sha256}"}  # as a multihash
