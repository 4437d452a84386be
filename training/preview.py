"""Pictures of a network's work: SAR | generated | true optical, row by row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from geosar.engines.generator import HALO, STRIDE, Generator
from training.data import CLIP, Pair, fit_normalisers, fit_tones, normalised

SIDE = 256


def mirrored(backscatter: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grow a patch (H, W) by the halo and up to the stride, mirrored, so that its values are what a window gives."""
    grown = [(HALO, HALO + -length % STRIDE) for length in backscatter.shape]
    return np.pad(backscatter, grown, mode="symmetric")


@torch.no_grad()
def generate(network: Generator, backscatter: NDArray[np.float32]) -> NDArray[np.float32]:
    """Translate a whole normalised patch (H, W) of any size: (H, W, 4) of 0 to 255, mirrored at its borders."""
    height, width = backscatter.shape
    device = next(network.parameters()).device
    sar = torch.from_numpy(mirrored(backscatter))[None, None].to(device)
    image = network(sar).float().clamp(0, 255)[0].permute(1, 2, 0)
    result: NDArray[np.float32] = image[HALO : HALO + height, HALO : HALO + width].cpu().numpy()
    return result


def grey(backscatter: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Normalised backscatter as an 8-bit picture."""
    scaled = (backscatter - CLIP[0] / 2) / (CLIP[1] - CLIP[0]) * 2 * 255
    picture: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return picture


def save_preview(network: Generator, pairs: Sequence[Pair], path: Path, rows: int = 8, columns: int = 3) -> None:
    """Save a sheet of `rows` x `columns` triples, drawn evenly from the pairs; truth is tone-aligned."""
    normalisers, tones = fit_normalisers(pairs), fit_tones(pairs)
    chosen = [pairs[int(i)] for i in np.linspace(0, len(pairs) - 1, min(rows * columns, len(pairs)))]
    sheet = Image.new("RGB", (columns * 3 * SIDE, rows * SIDE))
    for index, pair in enumerate(chosen):
        backscatter = normalised(pair, normalisers)[: SIDE * 2, : SIDE * 2]
        truth = tones[pair.source](pair.optical)[: SIDE * 2, : SIDE * 2].astype(np.uint8)
        image = generate(network, backscatter)[..., :3].astype(np.uint8)
        left, top = index % columns * 3 * SIDE, index // columns * SIDE
        for place, picture in enumerate((np.repeat(grey(backscatter)[..., None], 3, 2), image, truth)):
            sheet.paste(Image.fromarray(picture[:SIDE, :SIDE]), (left + place * SIDE, top))
    sheet.save(path)
