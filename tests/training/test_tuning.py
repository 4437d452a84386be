"""Going on from a packaged model: what moves, what stays, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import avg_pool2d

from geosar_training.cli import train
from geosar_training.errors import CheckpointError, ConfigError
from geosar_training.fitting import averaging
from geosar_training.fitting.averaging import settle_norms
from geosar_training.fitting.checkpoint import read_checkpoint, read_packaged
from geosar_training.fitting.trainer import Trainer
from geosar_training.methods.tuning import beside_sea, goal
from geosar_training.pairs.pair import fit_normalisers
from helpers.training.laboratory import MEADOW, SEA, WOOD, make_pairs, same, showing, tiny_config


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a packaged model holds for training: its architecture and the weights of a network that learned a little."""
    monkeypatch.setattr(averaging, "BATCHES", 2)
    config = tiny_config(updates=30, checkpoint_every=1000)
    trainer = Trainer(config, make_pairs(), tmp_path / "run", precision="32-true")
    trainer.fit()
    network = settle_norms(trainer.method.average, config, make_pairs())
    model = tmp_path / "model"
    model.mkdir()
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(weights, model / "weights.safetensors")
    files = {"weights": {"path": "weights.safetensors"}}
    (model / "manifest.json").write_text(json.dumps({"architecture": network.architecture, "files": files}))
    return model


def tuned(packaged: Path, folder: Path, **changes: object) -> Trainer:
    trainer = Trainer(tiny_config(method="tuning", **changes), make_pairs(), folder, precision="32-true")
    trainer.start_from(packaged)
    return trainer


def test_what_an_export_stretched_is_taken_back(packaged: Path) -> None:
    weights, file = read_packaged(packaged)["generator"], packaged / "weights.safetensors"
    save_file({**weights, "mean": weights["mean"] + 12.5, "deviation": 1.2 * weights["deviation"]}, file)
    assert same(read_packaged(packaged)["generator"], weights)


def test_it_starts_as_the_packaged_model_and_keeps_its_statistics(tmp_path: Path, packaged: Path) -> None:
    trainer = tuned(packaged, tmp_path / "tuned")
    before = read_packaged(packaged)["generator"]
    assert same(trainer.averaged().state_dict(), before)
    trainer.fit()
    after = trainer.averaged()
    assert not same(after.state_dict(), before)
    for name, norm in after.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert torch.equal(norm.running_mean, before[f"{name}.running_mean"])
    assert same(trainer.method.networks["origin"].state_dict(), before)


def test_the_truth_is_the_target_around_water_and_the_model_elsewhere() -> None:
    truth = showing(SEA, MEADOW, MEADOW, MEADOW)
    model = showing(MEADOW, MEADOW, WOOD, SEA, noise=2)  # knows no water, and takes a meadow for it
    made = goal(truth, model.luma, avg_pool2d(model.chroma, 4))
    sea, shore, far, taken = (
        made.luma[..., :32, :],
        made.luma[..., 32:48, :],
        made.luma[..., 52:74, :],
        made.luma[..., 100:, :],
    )
    assert torch.equal(sea, truth.luma[..., :32, :])
    assert torch.equal(far, model.luma[..., 52:74, :])
    mean, detail = truth.luma[..., 40, 0], (model.luma - avg_pool2d(model.luma, 9, 1, 4))[..., 36:44, 8:-8]
    assert torch.allclose(shore[..., 4:12, 8:-8] - mean, detail, atol=1e-4)
    assert torch.allclose(taken.mean(), truth.luma[..., 100:, :].mean(), atol=0.02)
    assert torch.allclose(made.chroma[..., 100:, :], truth.chroma[..., 100:, :], atol=1e-5)
    assert torch.allclose(made.chroma[..., 52:74, :], model.chroma[..., 52:74, :], atol=1e-5)


def test_the_colour_alone_may_be_kept() -> None:
    truth, model = showing(WOOD, MEADOW), showing(MEADOW, WOOD)
    made = goal(truth, model.luma, avg_pool2d(model.chroma, 4), ["chroma"])
    assert torch.equal(made.luma, truth.luma)
    assert torch.allclose(made.chroma, model.chroma, atol=1e-6)
    other = goal(truth, model.luma, avg_pool2d(model.chroma, 4), [])
    assert torch.equal(other.luma, truth.luma)
    assert torch.equal(other.chroma, truth.chroma)


def test_detail_is_learned_where_luma_is_not_kept(tmp_path: Path, packaged: Path) -> None:
    weights = {"structure": 8.0, "contrast": 4.0}
    trainer = tuned(packaged, tmp_path / "tuned", updates=60, learning_rate=1e-3, keeps=["chroma"], weights=weights)
    trainer.fit()
    logged = (tmp_path / "tuned" / "log.csv").read_text().splitlines()
    assert {"structure", "contrast"} <= set(logged[0].split(","))


def test_an_adversary_has_a_head_start(tmp_path: Path, packaged: Path) -> None:
    changes = {"stage": "adversarial", "head_start": 4, "keeps": [], "crop": 160, "adversary_width": 4}
    trainer = tuned(packaged, tmp_path / "tuned", updates=4, **changes)
    judges = {key: value.clone() for key, value in trainer.method.networks["adversary"].state_dict().items()}
    trainer.fit()
    assert same(trainer.method.generator.state_dict(), read_packaged(packaged)["generator"])
    assert not same(trainer.method.networks["adversary"].state_dict(), judges)
    later = tuned(packaged, tmp_path / "tuned", updates=8, **changes)
    later.resume(tmp_path / "tuned" / "last.pt")
    later.fit()
    assert not same(later.method.generator.state_dict(), read_packaged(packaged)["generator"])


def test_a_tuned_network_is_blended_with_its_model(tmp_path: Path, packaged: Path) -> None:
    tuned(packaged, tmp_path / "tuned", updates=4).fit()
    last, between = tmp_path / "tuned" / "last.pt", tmp_path / "between.pt"
    said = CliRunner().invoke(train, ["blend", str(last), str(packaged), "--share", "1", "-o", str(between)])
    assert said.exit_code == 0
    assert same(read_checkpoint(between)["average"], read_packaged(packaged)["average"])


def test_only_luma_and_chroma_can_be_kept() -> None:
    with pytest.raises(ConfigError, match=r"keeps is .'detail'.; expected some of luma, chroma"):
        tiny_config(method="tuning", keeps=["detail"]).check()


def test_land_beside_sea_is_normalised_as_such_a_scene_would_be() -> None:
    random = np.random.default_rng(0)
    land, sea = random.normal(0, 1, 58_000), random.normal(-2.6, 0.4, 42_000)
    scene = torch.from_numpy(np.concatenate([land, sea]).astype(np.float32)).reshape(1, 1, 200, 500)
    scene[..., 0, 0] = 0  # not measured
    seen = beside_sea(scene, torch.full((1, 1, 1, 1), 0.42))
    assert seen[..., 0, 0] == 0
    assert float(seen.mean()) == pytest.approx(0, abs=0.02)
    assert float(seen.std()) == pytest.approx(1, abs=0.02)
    assert torch.equal(beside_sea(scene, torch.zeros(1, 1, 1, 1)), scene)


def test_a_grey_truth_tells_nothing_of_water() -> None:
    truth, model = showing(SEA), showing(MEADOW)
    grey = replace(truth, coloured=torch.zeros(1, 1, 1, 1))
    made = goal(grey, model.luma, avg_pool2d(model.chroma, 4))
    assert torch.equal(made.luma, model.luma)
    assert torch.allclose(made.chroma, model.chroma, atol=1e-6)


def test_land_without_water_stays_as_it_was(tmp_path: Path, packaged: Path) -> None:
    trainer = tuned(packaged, tmp_path / "tuned", updates=20, learning_rate=3e-4)
    trainer.fit()
    pair = make_pairs()[0]
    sar = torch.from_numpy(fit_normalisers([pair])[pair.source](pair.bands, pair.mask))[None]
    with torch.no_grad():
        before, after = (network.eval()(sar) for network in (trainer.method.networks["origin"], trainer.averaged()))
    assert (before - after)[:, :3].abs().mean() < 1  # of 255


def test_the_first_stage_starts_from_a_packaged_model_too(tmp_path: Path, packaged: Path) -> None:
    trainer = Trainer(tiny_config(), make_pairs(), tmp_path / "again", precision="32-true")
    trainer.start_from(packaged)
    assert same(trainer.method.generator.state_dict(), read_packaged(packaged)["generator"])


def test_it_refuses_a_checkpoint(tmp_path: Path, packaged: Path) -> None:
    trainer = Trainer(tiny_config(method="tuning"), make_pairs(), tmp_path / "tuned", precision="32-true")
    with pytest.raises(CheckpointError, match="Tuning goes on from a packaged model"):
        trainer.start_from(packaged.parent / "run" / "last.pt")


def test_it_goes_on_from_another_tuning(tmp_path: Path, packaged: Path) -> None:
    first = tuned(packaged, tmp_path / "first", updates=4)
    first.fit()
    second = Trainer(tiny_config(method="tuning"), make_pairs(), tmp_path / "second", precision="32-true")
    second.start_from(tmp_path / "first" / "last.pt")
    for name in ("generator", "origin"):
        assert same(second.method.networks[name].state_dict(), first.method.generator.state_dict())
    assert second.update == 0


@pytest.mark.parametrize("broken", ["no manifest", "no weights", "half the weights", "no model"])
def test_what_is_no_packaged_model_is_refused(packaged: Path, broken: str) -> None:
    manifest, weights = packaged / "manifest.json", packaged / "weights.safetensors"
    if broken == "no manifest":
        manifest.unlink()
    elif broken == "no weights":
        manifest.write_text(json.dumps({"architecture": {}, "files": {"int8": {}}}))
    elif broken == "half the weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        manifest.write_text("[]")
    with pytest.raises(CheckpointError, match="holds no packaged model with weights to start from"):
        read_packaged(packaged)
