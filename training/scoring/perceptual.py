"""LPIPS, FID and KID, on networks whose weights the user gives as files: nothing is ever downloaded.

| measure | network | weights | input |
|---|---|---|---|
| LPIPS (Zhang et al. 2018) | torchvision's `alexnet`, `vgg16` or `squeezenet1_1`, with the linear layers that torchmetrics carries | state dict of that network (`.pth` or `.safetensors`) | -1 to 1 |
| FID (Heusel et al. 2017), KID (Binkowski et al. 2018) | torchvision's `inception_v3`, 2048 pooled features | its state dict | 299 x 299, bilinear, ImageNet's mean and deviation |

FID and KID on torchvision's weights are not those on the original TensorFlow weights: compare them within one report
only. With fewer images than features FID is biased upwards; KID is not.
"""  # noqa: E501 - a table row is one line

import pickle
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from geosar_training.errors import WeightsError
from geosar_training.scoring.measures import Measure
from geosar_training.scoring.metrics import Image
from geosar_training.scoring.patches import Evaluation
from geosar_training.torchvision_operators import module

__all__ = [
    "FID_NOTE", "LPIPS_NETWORKS", "lpips_measure", "lpips_note", "lpips_weights_beside", "set_scores",
]  # fmt: skip

LPIPS_NETWORKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FID_NOTE = (
    "FID and KID on the 2048 pooled features of torchvision's inception_v3 with the weights {name}; input: 299 x 299 "
    "pixels, ImageNet's mean and deviation. Compare them within this report only. FID is biased upwards by few images."
)
KID_SUBSET = 50
BATCH = 16


def lpips_note(weights: Path, network: str) -> str:
    """Say what LPIPS was measured with."""
    return (
        f"LPIPS on torchvision's {LPIPS_NETWORKS[network]} with the weights {weights.name} and torchmetrics' linear "
        "layers; input: -1 to 1, at the size of the patch."
    )


def lpips_weights_beside(folders: Sequence[Path]) -> tuple[Path, str] | None:
    """Return the file of weights, and its network, that a folder `weights` beside folders of pairs has for LPIPS."""
    for folder, (network, name) in product(folders, LPIPS_NETWORKS.items()):
        for path in sorted((folder.resolve().parent / "weights").glob(f"{name}*")):
            if path.suffix in {".pth", ".safetensors"}:
                return path, network
    return None


@torch.no_grad()
def lpips_measure(weights: Path, network: str) -> Measure:
    """Return LPIPS on the given backbone weights; raises WeightsError when they do not fit it."""
    lpips = module("torchmetrics.functional.image.lpips")
    given_network = backbone(LPIPS_NETWORKS[network], weights)
    judge = lpips._LPIPS(pretrained=True, net=network, pnet_rand=True)  # noqa: SLF001 - the public class downloads
    # torchmetrics cuts the same layers into stages under names of its own; their order stays.
    for mine, loaded in zip(judge.net.parameters(), given_network.features.parameters(), strict=False):
        mine.copy_(loaded)

    @torch.no_grad()
    def of(image: Image, truth: Image, _radar: Image) -> float:
        ours, theirs = (_unit_batch([picture.astype(np.float32)]) * 2 - 1 for picture in (image, truth))
        return float(judge(ours, theirs))

    return Measure("lpips", f"LPIPS ({network})", "", "low", of)


def backbone(name: str, weights: Path) -> Any:
    """Return torchvision's network of that name with the weights of a file; raises WeightsError for others."""
    network = _torchvision(name)
    _fill(network, weights, name)
    return network


class Inception(nn.Module):
    """Pooled features (N, 2048) of bytes (N, 3, H, W)."""

    num_features = 2048

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = _torchvision("inception_v3", init_weights=False, transform_input=False)
        _fill(self.network, weights, "inception_v3")
        self.network.fc = nn.Identity()
        self.eval()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Scale, standardise, and pool."""
        scaled = functional.interpolate(images.float() / 255, (299, 299), mode="bilinear", antialias=True)
        mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        features: Tensor = self.network((scaled - mean) / deviation)
        return features


def set_scores(evaluation: Evaluation, weights: Path) -> None:
    """Add FID and KID (times 1000) of every translator's patches to `evaluation.sets`; raises WeightsError."""
    # Their package names them only where torch-fidelity is installed, which a network of one's own does not need.
    distances = {
        "fid": module("torchmetrics.image.fid").FrechetInceptionDistance,
        "kid": module("torchmetrics.image.kid").KernelInceptionDistance,
    }
    features = Inception(weights)
    for name, pictures in evaluation.pictures.items():
        rows = evaluation.rows[name]
        if len(rows) < 2:
            continue
        subset = min(KID_SUBSET, len(rows))
        fid = distances["fid"](feature=features, input_img_size=(3, 299, 299))
        kid = distances["kid"](feature=features, subsets=20, subset_size=subset)
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            for real, source in ((True, [pair.optical for pair in evaluation.pairs]), (False, pictures)):
                batch = _byte_batch([source[row.image][row.area][..., :3] for row in part])
                fid.update(batch, real=real)
                kid.update(batch, real=real)
        torch.manual_seed(0)  # KID draws subsets
        evaluation.sets[name] = {"fid": float(fid.compute()), "kid_x1000": 1000 * float(kid.compute()[0])}


def _torchvision(name: str, **settings: Any) -> Any:
    return module("torchvision.models").get_model(name, weights=None, **settings).eval()


def _fill(network: nn.Module, path: Path, name: str) -> None:
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
        network.load_state_dict(state)
    except (
        RuntimeError,
        SafetensorError,
        pickle.UnpicklingError,
        EOFError,
        OSError,
        TypeError,
        AttributeError,
    ) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsError(
            f"{path} does not hold the weights of torchvision's {name} ({first}). Give its state dict, "
            "as .pth or .safetensors."
        ) from error


def _unit_batch(images: Sequence[Image]) -> Tensor:
    return torch.from_numpy(np.moveaxis(np.stack(images), -1, 1).copy()) / 255


def _byte_batch(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Patches of one size, the smaller ones grown to 256."""
    grown = [
        functional.interpolate(
            torch.from_numpy(np.moveaxis(image, -1, 0).copy())[None].float(), (256, 256), mode="bilinear"
        )
        for image in images
    ]
    return torch.cat(grown).round().to(torch.uint8)
