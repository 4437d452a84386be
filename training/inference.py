"""A network at work on patches of any size, and radar as the eye sees it."""

import numpy as np
import torch
from numpy.typing import NDArray

from geosar.engines.generator import HALO
from geosar.engines.unet import STRIDE
from geosar_training.networks.painter import Network
from geosar_training.pairs.pair import CLIP
from geosar_training.pairs.planes import fitting


def mirrored(backscatter: NDArray[np.float32], halo: int = HALO, stride: int = STRIDE) -> NDArray[np.float32]:
    """Grow a patch (..., H, W) by the halo and up to the stride, mirrored: its values are then what a window gives."""
    grown = [(halo, halo + -length % stride) for length in backscatter.shape[-2:]]
    return np.pad(backscatter, [(0, 0)] * (backscatter.ndim - 2) + grown, mode="symmetric")


@torch.no_grad()
def generate(network: Network, backscatter: NDArray[np.float32]) -> NDArray[np.float32]:
    """Translate a whole normalised patch (H, W) or (P, H, W) of any size: (H, W, 4) of 0 to 255.

    It is mirrored at its borders.
    """
    height, width = backscatter.shape[-2:]
    device = next((part.device for part in (*network.parameters(), *network.buffers())), torch.device("cpu"))
    grown = mirrored(fitting(backscatter, network.channels), network.halo, network.stride)
    sar = torch.from_numpy(grown)[None].to(device)
    image = network(sar).float().clamp(0, 255)[0].permute(1, 2, 0)
    area = slice(network.halo, network.halo + height), slice(network.halo, network.halo + width)
    result: NDArray[np.float32] = image[area].cpu().numpy()
    return result


def grey(backscatter: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Normalised backscatter as an 8-bit picture (H, W); of several polarisations the first that is there."""
    backscatter = fitting(backscatter, 1)[0]
    scaled = (backscatter - CLIP[0] / 2) / (CLIP[1] - CLIP[0]) * 2 * 255
    picture: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return picture
