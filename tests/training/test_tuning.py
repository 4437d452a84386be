"""Going on from a packaged model: what moves, what stays, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from laboratory import make_pairs, tiny_config
from safetensors.torch import save_file
from test_trainer import same
from torch import nn

from training import averaging
from training.averaging import settle_norms
from training.checkpoint import CheckpointError, read_packaged
from training.data import fit_normalisers
from training.methods.pix2pix import Pix2Pix
from training.trainer import Trainer


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


def test_a_model_that_is_held_keeps_its_detail(tmp_path: Path, packaged: Path) -> None:
    colours = {"luma": 0.0, "luma_coarse": 8.0, "chroma": 8.0}
    pair = make_pairs()[0]
    sar = torch.from_numpy(fit_normalisers([pair])[pair.source](pair.bands, pair.mask))[None]

    def detail(network: nn.Module) -> torch.Tensor:
        with torch.no_grad():
            luma = network.eval().components(sar)[0]
        return (luma - nn.functional.avg_pool2d(luma, 9, 1, 4))[..., 8:-8, 8:-8]

    def lost(keep: float) -> float:
        trainer = tuned(packaged, tmp_path / f"{keep}", updates=30, keep=keep, weights=colours)
        trainer.fit()
        return float((detail(trainer.averaged()) - detail(origin(packaged))).abs().mean())

    assert lost(1000.0) < 0.8 * lost(0.0)


def origin(packaged: Path) -> nn.Module:
    state = read_packaged(packaged)
    network = Pix2Pix.network(state["architecture"])
    network.load_state_dict(state["generator"])
    return network


def test_the_first_stage_starts_from_a_packaged_model_too(tmp_path: Path, packaged: Path) -> None:
    trainer = Trainer(tiny_config(), make_pairs(), tmp_path / "again", precision="32-true")
    trainer.start_from(packaged)
    assert same(trainer.method.generator.state_dict(), read_packaged(packaged)["generator"])


def test_it_refuses_a_checkpoint(tmp_path: Path, packaged: Path) -> None:
    trainer = Trainer(tiny_config(method="tuning"), make_pairs(), tmp_path / "tuned", precision="32-true")
    with pytest.raises(CheckpointError, match="Tuning goes on from a packaged model: export it first"):
        trainer.start_from(packaged.parent / "run" / "last.pt")


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
