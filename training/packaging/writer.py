"""The files of a packaged model: int8 and float32 networks, safetensors, manifest."""

import copy
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino
import torch
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from numpy.typing import NDArray
from openvino import opset13
from safetensors.torch import save
from torch import Tensor, nn

from geosar.backscatter import MISSING
from geosar.engines.colouriser import Colouriser
from geosar.engines.generator import Generator
from geosar.engines.networks import WithDespeckled, fold
from geosar.models import sha256
from geosar.models.manifest import FORMAT, ModelManifest
from geosar_training.errors import PackageError, PairsError
from geosar_training.inference import mirrored
from geosar_training.networks.painter import Network
from geosar_training.packaging.seen import Seen
from geosar_training.pairs.pair import CLIP, Pair, fit_normalisers, set_of
from geosar_training.pairs.planes import fitting, planes

WEIGHTS = "weights.safetensors"
ONNX = "network.onnx"
OPSET = 17
"""Of ONNX; what programs since 2022 read."""
CALIBRATION_PATCHES = 120
SIDE = 256
"""Pixels on the side of such a patch."""


def write_networks(network: Network, pairs: Sequence[Pair], folder: Path) -> None:
    """Write the safetensors weights, and float32 and int8 networks for OpenVINO.

    Int8 is calibrated on patches of the training split (post-training quantisation by NNCF).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(network, Colouriser | Generator):
        weights = save({key: value.contiguous() for key, value in network.state_dict().items()})
        (folder / WEIGHTS).write_bytes(weights)  # safetensors itself would let nobody else read the file
    graph = to_openvino(network)
    openvino.save_model(graph, folder / "float32.xml", compress_to_fp16=True)
    patches = nncf.Dataset(calibration(pairs, network))
    quantised = nncf.quantize(
        graph, patches, subset_size=CALIBRATION_PATCHES, preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=False,
        # The whole range that any patch reached: means over patches, NNCF's own, cut what open sea alone reaches.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
        # A filter against speckle compares small differences; rounded to 8 bit it would choose other sides of edges.
        ignored_scope=nncf.IgnoredScope(patterns=[".*\\.filter[./].*"], validate=False),
    )  # fmt: skip
    openvino.save_model(quantised, folder / "int8.xml", compress_to_fp16=False)


@dataclass(frozen=True)
class Identity:
    """What a packaged model is called, and what it says it does."""

    name: str
    version: str
    title: str = ""
    """The name, where none is given."""
    description: str = ""
    """One sentence; what the pairs say, where none is given."""
    credit: tuple[str, ...] = ()
    """Whom the data and the weights are owed to."""
    licence: str = "not stated"

    def __post_init__(self) -> None:
        """Refuse now what the manifest would refuse after the long work."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", self.name):
            raise PackageError(
                f"The name {self.name!r} cannot be a model's: expected up to 64 lower-case letters, digits, dots, "
                "dashes and underscores, a letter or digit first."
            )
        if not 1 <= len(self.version) <= 64:
            raise PackageError(f"The version {self.version!r} has {len(self.version)} characters; expected 1 to 64.")


def write_manifest(
    network: Network,
    folder: Path,
    identity: Identity,
    *,
    seen: Seen,
    polarisations: Sequence[str] = (),
    metrics: dict[str, Any],
    training: dict[str, Any],
) -> ModelManifest:
    """Write ``manifest.json`` for the networks that lie in `folder`; raises ValueError for an impossible name.

    Without `polarisations` the model takes one of those that it saw alone. A colouriser takes one of them,
    or all where it has seen all together.
    """
    files: dict[str, Any] = {"int8": _network_files(folder, "int8"), "float32": _network_files(folder, "float32")}
    if isinstance(network, Colouriser | Generator):  # only these are known to the engine that runs on PyTorch
        files["weights"] = {"path": WEIGHTS, "engine": "safetensors", "sha256": sha256(folder / WEIGHTS)}
    if (folder / ONNX).is_file():
        files["onnx"] = {"path": ONNX, "engine": "onnx", "sha256": sha256(folder / ONNX)}
    accepts = seen.accepts(polarisations)
    inputs: dict[str, Any] = {"channels": network.channels, "clip": CLIP, "reference": seen.reference}
    if isinstance(network, Colouriser):
        singles = [[name] for name in polarisations]
        accepts = accepts + singles if seen.together else singles
        inputs |= {"missing": MISSING, "planes": list(polarisations)}
    manifest = ModelManifest.model_validate({
        "format": FORMAT, **asdict(identity), "title": identity.title or identity.name,
        "description": identity.description or seen.description(polarisations),
        "inputs": inputs | {"accepts": accepts},
        "ground_sampling_distance": seen.pixel_size, "stride": network.stride, "halo": network.halo,
        "margin": network.halo if isinstance(network, Colouriser | Generator) else 0,
        "despeckles": isinstance(network, Colouriser),
        "files": files, "architecture": network.architecture,
        "metrics": metrics, "training": training,
    })  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")
    return manifest


def to_openvino(network: Network) -> openvino.Model:
    """Return the network as an OpenVINO graph of free batch, height and width; our own is folded, with a margin."""
    folded, example = _folded(network)
    graph = openvino.convert_model(folded, example_input=example, input=[("sar", [-1, network.channels, -1, -1])])
    return _cut_by_strides(graph)


def write_onnx(network: Network, folder: Path) -> None:
    """Write the network for programs that read ONNX: what `to_openvino` makes, with its inputs and outputs."""
    folded, example = _folded(network)
    names = ["optical", "despeckled"] if isinstance(network, Colouriser) else ["optical"]
    free = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter, which needs no other package, is called the old one
        torch.onnx.export(
            folded, (example,), folder / ONNX, input_names=["sar"], output_names=names, opset_version=OPSET,
            dynamic_axes=dict.fromkeys(["sar", *names], free), dynamo=False,
        )  # fmt: skip


def _folded(network: Network) -> tuple[nn.Module, Tensor]:
    """Return a copy as it is packaged, and an example of its input."""
    plain = copy.deepcopy(network).float().cpu()
    side = 2 * network.halo + 4 * network.stride
    folded: nn.Module = plain.eval()
    if isinstance(plain, Colouriser | Generator):
        folded = fold(plain, network.halo)
    if isinstance(plain, Colouriser):
        folded = WithDespeckled(plain).eval()
    return folded, torch.zeros(1, network.channels, side, side)


def _cut_by_strides(graph: openvino.Model) -> openvino.Model:
    """Write the cuts at the borders as StridedSlice: NNCF lets int8 pass through that, but not through Slice."""
    for operation in graph.get_ordered_ops():
        if operation.get_type_name() != "Slice":
            continue
        begin, end, _, axes = (value.get_node().get_data() for value in operation.input_values()[1:])
        if axes.tolist() != [2, 3]:
            continue
        ends = [np.array([0, 0, *bound]) for bound in (begin, end)]
        cut = opset13.strided_slice(operation.input_value(0), *ends, np.ones(4, np.int64), [1, 1, 0, 0], [1, 1, 0, 0])
        operation.output(0).replace(cut.output(0))
    graph.validate_nodes_and_infer_types()
    return graph


def calibration(pairs: Sequence[Pair], network: Network) -> list[NDArray[np.float32]]:
    """Patches (1, P, H, W) of 256 x 256 pixels (or a smaller pair) and their halo, as the network sees them.

    They are drawn evenly of all sets; raises PairsError where there is nothing to draw from.
    """
    usable = [pair for pair in pairs if pair.split == "train"]
    if not usable:
        raise PairsError("No pair has the split train; int8 cannot be calibrated.")
    normalisers = fit_normalisers(usable)
    random = np.random.default_rng(0)
    sets = sorted({set_of(pair) for pair in usable})
    patches = []
    for index in range(CALIBRATION_PATCHES):
        members = [pair for pair in usable if set_of(pair) == sets[index % len(sets)]]
        members = [pair for pair in members if min(pair.shape) >= SIDE] or members
        pair = members[int(random.integers(len(members)))]
        top, left = (int(random.integers(max(length - SIDE, 0) + 1)) for length in pair.shape)
        patch = pair.cut(slice(top, top + SIDE), slice(left, left + SIDE))
        seen = fitting(planes(patch, normalisers), network.channels)
        patches.append(mirrored(seen, network.halo, network.stride)[None])
    return patches


def _network_files(folder: Path, role: str) -> dict[str, str]:
    return {
        "path": f"{role}.xml", "engine": "openvino", "sha256": sha256(folder / f"{role}.xml"),
        "data_path": f"{role}.bin", "data_sha256": sha256(folder / f"{role}.bin"),
    }  # fmt: skip
