"""Every method by the same trainer: it learns, resumes, is scored and is packaged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from torch import nn

from geosar_training.config import Config
from geosar_training.fitting import averaging
from geosar_training.fitting.checkpoint import read_checkpoint
from geosar_training.fitting.runs import load_network
from geosar_training.fitting.trainer import Trainer
from geosar_training.inference import generate
from geosar_training.methods import METHODS, method_named
from geosar_training.networks.composites import Composite
from geosar_training.networks.contrast import contrast
from geosar_training.networks.filters import LinearFilter, boxes, pixels
from geosar_training.networks.painter import Painter
from geosar_training.networks.spatchgan import StatisticsDiscriminator
from geosar_training.packaging import writer
from geosar_training.pairs.pair import Pair, fit_normalisers, normalised
from geosar_training.pairs.tone import fused_with_radar, luma_chroma, luma_of, picture
from geosar_training.settings import from_dict, load_config
from helpers.training.laboratory import make_dual_pair, make_pair, same

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
GAN = {"width": 4, "adversary_width": 4, "crop": 128}
TINY: dict[str, dict[str, Any]] = {
    "mean": {}, "grey": {}, "smooth-grey": {"box": 5}, "lr4colsar": {"neighbourhood": 3},
    "nl4colsar": {"width": 4, "neighbourhood": 3}, "cnn4colsar": {"width": 4, "layers": 3},
    "cgan4colsar": GAN | {"depth": 4}, "cyclegan": GAN | {"blocks": 1}, "cut": GAN | {"blocks": 1, "patches": 16},
    "cut-spatchgan": GAN | {"blocks": 1, "patches": 16, "scales": 2},
    "fusion": {"learned": True, "width": 4, "depth": 3},
    "colouriser": {"widths": [4, 6, 8, 8, 8], "date_crops": 0},
    "pix2pix": {"widths": [4, 6, 8, 8, 8]},
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "cgan4colsar fused": GAN | {"method": "cgan4colsar", "depth": 4, "truth": "fused"},
    "cyclegan classes": GAN
    | {"method": "cyclegan", "blocks": 1, "classes": ["field"], "give_classes": True, "balance_classes": True},
    "fusion ihs": {"method": "fusion"},
    "fusion pca": {"method": "fusion", "composition": "pca"},
    "fusion wavelet": {"method": "fusion", "composition": "wavelet"},
    "pix2pix lee": {"method": "pix2pix", "widths": [4, 6, 8, 8, 8], "despeckle": "lee"},
    "pix2pix dual": {"method": "pix2pix", "widths": [4, 6, 8, 8, 8], "polarisations": ["VV", "VH"]},
    "cnn refined lee": {"method": "cnn4colsar", "width": 4, "layers": 3, "despeckle": "refined-lee"},
}
EVERY = {name: {"method": name} | values for name, values in TINY.items()} | VARIANTS
COMMON = {"updates": 4, "batch": 2, "crop": 64, "warmup": 2, "ema": 0.5, "checkpoint_every": 100, "preview_every": 100}


def settings(name: str, **changes: Any) -> Config:
    return from_dict(COMMON | EVERY[name] | changes)


def pairs_for(config: Config) -> list[Pair]:
    make = make_dual_pair if config.channels == 2 else make_pair
    return [make(f"p{i}", split="val" if i == 2 else "train", size=config.crop, seed=i) for i in range(3)]


def fitted(folder: Path, config: Config) -> Trainer:
    trainer = Trainer(config, pairs_for(config), folder, precision="32-true")
    if (folder / "last.pt").exists():
        trainer.resume(folder / "last.pt")
    trainer.fit()
    return trainer


def test_each_method_is_tried_here() -> None:
    assert set(TINY) == set(METHODS)


@pytest.mark.parametrize("name", EVERY)
def test_a_method_resumes_bit_for_bit_and_makes_images(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(averaging, "BATCHES", 2)
    trainer = fitted(tmp_path / "whole", settings(name))
    fitted(tmp_path / "halves", settings(name, updates=2))
    fitted(tmp_path / "halves", settings(name))
    assert same(read_checkpoint(tmp_path / "whole" / "last.pt"), read_checkpoint(tmp_path / "halves" / "last.pt"))
    pairs = pairs_for(trainer.config)
    network, config, updates = load_network(tmp_path / "whole" / "last.pt", pairs)
    assert (config, updates) == (trainer.config, 4)
    image = generate(network, normalised(pairs[2], fit_normalisers(pairs)))
    assert image.shape == (*pairs[2].shape, 4)
    assert np.isfinite(image).all()
    assert (image[..., 3] > 0).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_network_becomes_a_graph_of_the_same_images(name: str) -> None:
    config = settings(name)
    torch.manual_seed(0)
    kind = method_named(config.method)
    network = kind.network(kind.architecture(config)).eval()
    if isinstance(network, Painter) and isinstance(network.body, LinearFilter):
        nn.init.normal_(network.body.bias, 0.0, 0.3)
    side = -(-(2 * network.halo + 2 * network.stride) // network.stride) * network.stride
    sar = torch.randn(1, config.channels, side, side).clamp(-4, 4)
    with torch.no_grad():
        expected = network(sar).numpy()
    graph = openvino.compile_model(writer.to_openvino(network), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = graph(sar.numpy())[0]
    cut = (expected.shape[2] - image.shape[2]) // 2
    inner = slice(network.halo, -network.halo or None)
    expected = expected[..., inner, inner]
    rest = slice(network.halo - cut, -(network.halo - cut) or None)
    assert np.abs(image[..., rest, rest] - expected).max() < 0.05


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_settings_file_can_be_used(path: Path) -> None:
    assert load_config(path).method in METHODS


def test_settings_on_a_base_change_what_they_name() -> None:
    whole, other = (load_config(CONFIGS / "ablation" / f"{name}.yaml") for name in ("whole", "without-registration"))
    assert (whole.register, other.register) == (True, False)
    assert replace(other, register=True) == whole


@pytest.mark.parametrize("name", ["cgan4colsar", "cut", "smooth-grey", "cnn4colsar", "fusion"])
def test_a_pixel_sees_nothing_beyond_the_halo(name: str) -> None:
    config = settings(name)
    kind = method_named(config.method)
    torch.manual_seed(0)
    network = kind.network(kind.architecture(config)).eval().double()
    assert isinstance(network, Painter)
    if isinstance(network.body, LinearFilter):
        nn.init.constant_(network.body.kernel, 1.0)
    for weight in network.parameters():
        weight.data = weight.data.abs().clamp(min=1e-3) / (weight[0].numel() if weight.dim() > 1 else 100.0)
    side = 2 * network.halo + 6 * network.stride
    side = -(-side // network.stride) * network.stride
    reached = 0
    for offset in range(network.stride):
        sar = torch.full((1, config.channels, side, side), 0.01, dtype=torch.float64, requires_grad=True)
        middle = side // 2 // network.stride * network.stride + offset
        network(sar)[0, :3, middle, middle].sum().backward()
        assert sar.grad is not None
        rows = sar.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        reached = max(reached, middle - int(rows[0]), int(rows[-1]) - middle)
    assert network.halo - 2 * network.stride <= reached <= network.halo


def test_the_mean_is_the_mean(tmp_path: Path) -> None:
    config = settings("mean", updates=8, align_tone=False)
    trainer = fitted(tmp_path, config)
    truth = np.mean([pair.optical.mean(axis=(0, 1)) for pair in pairs_for(config)[:2]], axis=0)
    image = generate(trainer.method.average.eval(), np.zeros((8, 8), np.float32))
    assert np.abs(image[4, 4, :3] - truth).max() < 6


def test_a_linear_filter_finds_the_filter_that_made_its_truth() -> None:
    torch.manual_seed(0)
    kernel = torch.randn(3, 1, 3, 3)
    true_filter, learnt = LinearFilter(pixels(1, 3)), LinearFilter(pixels(1, 3))
    true_filter.kernel.copy_(kernel)
    true_filter.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
    sar = torch.randn(2, 1, 64, 64)
    learnt.learn(sar, true_filter(sar), torch.ones(2, 1, 64, 64), lambda value: value)
    torch.testing.assert_close(learnt.kernel, kernel, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(learnt.bias, true_filter.bias, atol=1e-3, rtol=1e-3)


def test_pixels_of_no_weight_do_not_count() -> None:
    body = LinearFilter(boxes(1, 1))
    sar, truth, weight = torch.randn(1, 1, 64, 64), torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    truth[..., :32] = 99.0
    weight[..., :32] = 0.0
    body.learn(sar, truth, weight, lambda value: value)
    torch.testing.assert_close(body(sar), torch.full_like(truth, 0.5), atol=1e-3, rtol=0)


def test_a_grey_filter_has_no_colour(tmp_path: Path) -> None:
    trainer = fitted(tmp_path, settings("grey"))
    image = generate(trainer.method.average.eval(), np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32))
    assert np.ptp(image[..., :3], axis=-1).max() < 1e-3
    assert image[..., 0].std() > 1


def test_components_and_colours_are_inverse() -> None:
    rgb = np.random.default_rng(0).uniform(0, 255, (5, 7, 3)).astype(np.float32)
    parts = torch.from_numpy(np.moveaxis(luma_chroma(rgb), -1, 0))[None]
    image = picture(parts[:, :1], parts[:, 1:])
    assert np.allclose(np.moveaxis(image[0].numpy(), 0, -1), rgb / 127.5 - 1, atol=1e-4)
    torch.testing.assert_close(luma_of(image), parts[:, :1], atol=1e-4, rtol=1e-4)


def test_fused_truth_has_the_radars_brightness_and_the_colours_differences() -> None:
    torch.manual_seed(0)
    sar, image = torch.randn(1, 1, 16, 16) * 0.3, torch.rand(1, 3, 16, 16) * 0.4 - 0.4
    fused = fused_with_radar(sar, image)
    torch.testing.assert_close(fused[:, 0] - fused[:, 1], image[:, 0] - image[:, 1], atol=1e-5, rtol=1e-5)
    brightness = fused.mean(dim=1).flatten()
    assert torch.corrcoef(torch.stack([brightness, sar.flatten()]))[0, 1] > 0.9999


def test_contrast_is_least_for_patches_in_their_own_place() -> None:
    torch.manual_seed(0)
    features = nn.functional.normalize(torch.randn(2, 8, 16), dim=2)
    assert contrast([features], [features]) < 0.01
    assert contrast([features], [features.roll(1, dims=1)]) > 2


def test_the_adversary_of_statistics_does_not_mind_where_things_are() -> None:
    torch.manual_seed(0)
    judge = StatisticsDiscriminator(3, 4, scales=2).eval()
    image = torch.rand(1, 3, 64, 64).repeat(1, 1, 2, 2)  # periodic, so that a shift hardly changes the borders
    shifted = image.roll((16, 32), dims=(2, 3))
    assert judge(image).shape == (1, 6)
    torch.testing.assert_close(judge(image), judge(shifted), atol=0.02, rtol=0.05)


def test_the_first_principal_axis_is_that_of_the_largest_variance() -> None:
    torch.manual_seed(0)
    common = torch.randn(1, 1, 64, 64)
    sar = torch.cat([common, common], dim=1) + 0.05 * torch.randn(1, 2, 64, 64)  # the ratio hardly varies
    composite = Composite("pca")
    composite.add(*composite.learn(sar))
    assert composite.axes[:, 0].abs().tolist() == pytest.approx([0.707, 0.707, 0.0], abs=0.02)
    assert torch.linalg.det(composite.axes).abs() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", ["ihs", "wavelet", "pca"])
def test_composites_keep_the_fine_brightness_of_the_radar(kind: str) -> None:
    torch.manual_seed(0)
    sar = torch.randn(1, 2, 64, 64)
    composite = Composite(kind)
    composite.add(*composite.learn(sar))
    brightness = composite(sar).mean(dim=1).flatten()
    assert torch.corrcoef(torch.stack([brightness, sar.mean(dim=1).flatten()]))[0, 1] > 0.7
