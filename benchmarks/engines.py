"""One measurement a call, in a process of its own, printed as a JSON line: the parts that `speed.py` compares."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import rasterio

SAMPLE_MEGAPIXELS = 12
"""How much the slow comparisons translate; their cost a pixel does not depend on it."""


def engine_alone(arguments: argparse.Namespace) -> float:
    """Megapixels a second of the packaged engine on an array in memory: those that it gives, 2048 x 2048."""
    from geosar.engines import open_engine
    from geosar.models import load_model

    model = load_model(arguments.model)
    engine = open_engine(model, "cpu", arguments.precision)
    side = 2048 + 2 * model.manifest.margin
    inputs = model.manifest.inputs
    batch = np.random.default_rng(0).standard_normal((1, inputs.channels, side, side), dtype=np.float32)
    if inputs.missing is not None:
        batch[:, 1:] = inputs.missing  # one polarisation, as most scenes have
    return _rate(lambda: engine.run(batch), 2048 * 2048, 12)


def torch_sliding_window(arguments: argparse.Namespace) -> float:
    """The same network in torch float32 through MONAI's sliding window, rasterio around it, as one would write it."""
    import torch
    from monai.inferers import sliding_window_inference
    from safetensors.torch import load_file

    from geosar.engines.networks import fold, make_network
    from geosar.models import load_model

    model = load_model(arguments.model)
    network = make_network(model.manifest.architecture)
    network.load_state_dict(load_file(model.file("weights")))
    network = fold(network).to(memory_format=torch.channels_last)
    started = time.perf_counter()
    with rasterio.open(arguments.scene) as dataset, torch.inference_mode():
        side = min(dataset.height, int((SAMPLE_MEGAPIXELS * 1e6) ** 0.5))
        sar = dataset.read(1, window=((0, side), (0, side))).astype(np.float32)
        decibels = 20 * np.log10(np.maximum(sar, 1))
        normal = (decibels - decibels.mean()) / decibels.std()
        planes = torch.from_numpy(normal)[None, None]
        if model.manifest.inputs.missing is not None:
            planes = torch.cat([planes, torch.full_like(planes, model.manifest.inputs.missing)], dim=1)
        image = sliding_window_inference(planes, 512, 4, network, overlap=0.25, mode="gaussian")
        pixels = image[0, :3].clamp(0, 255).round().byte().numpy()
        profile = {
            "driver": "COG", "dtype": "uint8", "count": 3, "width": side, "height": side, "crs": dataset.crs,
            "transform": dataset.transform, "compress": "deflate",
        }  # fmt: skip
        with rasterio.open(arguments.output, "w", **profile) as target:
            target.write(pixels)
    return side * side / 1e6 / (time.perf_counter() - started)


def pix2pix(arguments: argparse.Namespace) -> float:
    """The pix2pix U-Net-256 in torch eager, 256 x 256 patches one after another: what people do today."""
    del arguments
    import torch
    from pix2pix_unet import pix2pix_unet

    network = pix2pix_unet()
    with torch.inference_mode():
        batch = torch.randn(8, 2, 256, 256)
        return _rate(lambda: network(batch), 8 * 256 * 256, 8)


def _rate(call, pixels: int, times: int) -> float:  # noqa: ANN001 - a script
    call()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return pixels / 1e6 / float(np.median(seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["engine_alone", "torch_sliding_window", "pix2pix"])
    parser.add_argument("--model", default="s1-rgb")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    print(json.dumps({"megapixels_per_second": globals()[chosen.what](chosen)}))
