"""Training that starts from a packaged model: its weights before an export stretched them, or a refusal."""

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from geosar_training.errors import CheckpointError
from geosar_training.fitting import averaging
from geosar_training.fitting.averaging import settle_norms
from geosar_training.fitting.checkpoint import read_packaged
from geosar_training.fitting.trainer import Trainer
from helpers.training.laboratory import make_pairs, same, tiny_config


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


def test_what_an_export_stretched_is_taken_back(packaged: Path) -> None:
    weights, file = read_packaged(packaged)["generator"], packaged / "weights.safetensors"
    save_file({**weights, "mean": weights["mean"] + 12.5, "deviation": 1.2 * weights["deviation"]}, file)
    assert same(read_packaged(packaged)["generator"], weights)


def test_the_first_stage_starts_from_a_packaged_model_too(tmp_path: Path, packaged: Path) -> None:
    trainer = Trainer(tiny_config(), make_pairs(), tmp_path / "again", precision="32-true")
    trainer.start_from(packaged)
    assert same(trainer.method.generator.state_dict(), read_packaged(packaged)["generator"])


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
