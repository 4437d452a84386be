"""A small packaged model made of OpenVINO operations, so that the pipeline can be tested without the real one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops

from geosar.backscatter import MISSING
from geosar.models import sha256
from geosar.models.manifest import OUTPUTS

STRIDE = 4
HALO = 16
"""Kernel radii in pixels: 1 at full, 2 at half, 4 + 4 at quarter resolution, 1 at the end; cells are reached whole."""


def _convolution(node: Any, weights: np.ndarray, *, stride: int = 1, quantised: bool) -> Any:
    pad = weights.shape[2] // 2 if stride == 1 else 0
    kernel: Any = ops.constant(weights)
    if quantised:
        node = ops.fake_quantize(node, *(np.float32(bound) for bound in (-8, 8, -8, 8)), 256)
        limit = np.float32(np.abs(weights).max())
        kernel = ops.fake_quantize(kernel, -limit, limit, -limit, limit, 255)
    return ops.convolution(node, kernel, [stride, stride], [pad, pad], [pad, pad], [1, 1])


def tiny_network(channels: int = 1, *, quantised: bool = False) -> openvino.Model:
    """Make a network of stride 4 that reaches at most 16 pixels, with an output around the middle of 0..255."""
    random = np.random.default_rng(7)

    def weights(outputs: int, inputs: int, size: int) -> np.ndarray:
        scale = (inputs * size * size) ** -0.5
        return (random.standard_normal((outputs, inputs, size, size)) * scale).astype(np.float32)

    sar = ops.parameter([-1, channels, -1, -1], np.float32, name="sar")
    full = ops.relu(_convolution(sar, weights(6, channels, 3), quantised=quantised))
    half = ops.relu(_convolution(full, weights(8, 6, 2), stride=2, quantised=quantised))
    half = ops.relu(_convolution(half, weights(8, 8, 3), quantised=quantised))
    quarter = ops.relu(_convolution(half, weights(12, 8, 2), stride=2, quantised=quantised))
    quarter = ops.relu(_convolution(quarter, weights(12, 12, 3), quantised=quantised))
    quarter = _convolution(quarter, weights(6, 12, 3), quantised=quantised)
    grown = ops.interpolate(
        quarter, np.array([4.0, 4.0], np.float32), "nearest", "scales", axes=np.array([2, 3]),
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    mixed = ops.relu(ops.add(grown, full))
    end = _convolution(mixed, weights(len(OUTPUTS), 6, 3), quantised=quantised)
    end = ops.add(ops.multiply(end, np.float32(60)), np.float32(110))
    return openvino.Model([ops.result(end)], [sar], "tiny")


DUAL: dict[str, Any] = {
    "inputs": {
        "channels": 2, "accepts": [["VV", "VH"], ["VV"], ["VH"]], "clip": [-4.0, 4.0], "missing": MISSING,
        "planes": ["VV", "VH"],
        "reference": {"VV": (-10.0, 3.0), "VH": (-16.5, 3.0)},
    },
    "despeckles": True,
}  # fmt: skip
"""What the manifest of `dual_network` says instead."""


def dual_network() -> openvino.Model:
    """Make a network of VV and VH, either of which may be missing, whose outputs are easily made by hand.

    Red is 128 + 20 VV, green 128 + 20 VH, blue 128, the error 10; despeckled is the mean of 3 x 3 pixels.
    """
    sar = ops.parameter([-1, 2, -1, -1], np.float32, name="sar")
    paint = np.zeros((len(OUTPUTS), 2, 1, 1), np.float32)
    paint[0, 0] = paint[1, 1] = 20
    picture = ops.convolution(sar, ops.constant(paint), [1, 1], [0, 0], [0, 0], [1, 1])
    picture = ops.add(picture, np.array([128, 128, 128, 10], np.float32).reshape(1, 4, 1, 1))
    box = np.zeros((2, 2, 3, 3), np.float32)
    box[0, 0] = box[1, 1] = 1 / 9
    smooth = ops.convolution(sar, ops.constant(box), [1, 1], [1, 1], [1, 1], [1, 1])
    return openvino.Model([ops.result(picture), ops.result(smooth)], [sar], "dual")


def write_dual_model(folder: Path, **changes: Any) -> Path:
    """Write a packaged model of `dual_network`; returns the folder."""
    return write_model(folder, networks={"float32": dual_network()}, **(DUAL | changes))


def write_model(folder: Path, *, networks: dict[str, openvino.Model] | None = None, **changes: Any) -> Path:
    """Write a packaged model; `changes` replace entries of its manifest. Returns the folder."""
    folder.mkdir(parents=True)
    networks = networks or {"float32": tiny_network(), "int8": tiny_network(quantised=True)}
    files = {}
    for role, network in networks.items():
        openvino.save_model(network, folder / f"{role}.xml", compress_to_fp16=False)
        files[role] = {
            "path": f"{role}.xml", "engine": "openvino", "sha256": sha256(folder / f"{role}.xml"),
            "data_path": f"{role}.bin", "data_sha256": sha256(folder / f"{role}.bin"),
        }  # fmt: skip
    manifest = {
        "format": "geosar-model/1", "name": "tiny", "version": "1.0", "title": "Tiny", "description": "For tests.",
        "inputs": {"channels": 1, "accepts": [["VV"], ["VH"]], "clip": [-3.0, 4.0]},
        "ground_sampling_distance": 10.0, "stride": STRIDE, "halo": HALO, "files": files, "licence": "Apache-2.0",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder
