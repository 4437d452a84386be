"""The training loop: what resumes, what stops, and what is refused."""

import csv
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from geosar_training.config import Config
from geosar_training.errors import CheckpointError, CheckpointWriteError, PairsError
from geosar_training.fitting import losses, preview
from geosar_training.fitting.checkpoint import read_checkpoint
from geosar_training.fitting.descent import Descent
from geosar_training.fitting.runs import load_network
from geosar_training.fitting.trainer import Trainer
from geosar_training.pairs.batch import Batch
from helpers.training.laboratory import WIDTHS, make_pair, make_pairs, same, tiny_config


def trainer_in(folder: Path, config: Config, pairs: list[Any] | None = None) -> Trainer:
    return Trainer(config, pairs or make_pairs(size=config.crop), folder, precision="32-true")


def trained(folder: Path, config: Config) -> Path:
    trainer_in(folder, config).fit()
    return folder / "last.pt"


@pytest.mark.parametrize(("stage", "crop"), [("regression", 96), ("adversarial", 160)])
def test_a_resumed_run_equals_an_undisturbed_one_bit_for_bit(tmp_path: Path, stage: str, crop: int) -> None:
    whole = trained(tmp_path / "whole", tiny_config(stage=stage, crop=crop, updates=4))
    half = trained(tmp_path / "halves", tiny_config(stage=stage, crop=crop, updates=2))
    resumed = trainer_in(tmp_path / "halves", tiny_config(stage=stage, crop=crop, updates=4))
    resumed.resume(half)
    assert resumed.update == 2
    resumed.fit()
    first, second = read_checkpoint(whole), read_checkpoint(half)
    assert first["update"] == 4
    assert same(first, second)


def test_another_seed_makes_another_network(tmp_path: Path) -> None:
    first, second = (
        read_checkpoint(trained(tmp_path / str(seed), tiny_config(seed=seed, updates=1))) for seed in (1, 2)
    )
    assert not same(first["generator"], second["generator"])


def test_losses_fall_on_a_single_pair(tmp_path: Path) -> None:
    config = tiny_config(updates=150, learning_rate=1e-2, checkpoint_every=1000)
    trainer_in(tmp_path, config, [make_pair(size=96)]).fit()
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["update"] for row in rows] == ["50", "100", "150"]
    for term in ("luma_coarse", "chroma", "error"):
        assert float(rows[-1][term]) < 0.75 * float(rows[0][term])


def test_the_averaged_network_is_a_running_mean_of_the_trained_one(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path, tiny_config(updates=1, ema=0.9))
    start = trainer.method.generator.luma.weight.detach().clone()
    trainer.fit()
    # Early on the mean is short: (1 + update) / (10 + update) of the old, here 0.1.
    expected = start + 0.9 * (trainer.method.generator.luma.weight.detach() - start)
    torch.testing.assert_close(trainer.method.average.luma.weight, expected)


def test_the_network_for_inference_has_norms_of_its_own_and_is_the_same_each_time(tmp_path: Path) -> None:
    pairs = make_pairs()
    checkpoint = trained(tmp_path, tiny_config())
    (first, config, updates), (second, _, _) = load_network(checkpoint, pairs), load_network(checkpoint, pairs)
    assert (config.widths, updates) == (WIDTHS, 4)
    assert not first.training
    assert same(first.state_dict(), second.state_dict())
    stored = read_checkpoint(checkpoint)["average"]
    assert not torch.equal(first.state_dict()["luma.weight"], torch.zeros_like(stored["luma.weight"]))
    assert not torch.equal(first.state_dict()["colour.0.1.running_mean"], stored["colour.0.1.running_mean"])


@pytest.mark.parametrize(("seconds", "expected"), [(None, [0.5, 1, 1, 1, 0.8, 0.4]), (1e-9, [0.5, 0])])
def test_the_learning_rates_rise_and_fall_with_updates_or_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float | None, expected: list[float]
) -> None:
    trainer = trainer_in(tmp_path, tiny_config(updates=6, warmup=2, cooldown=2.5 / 6, learning_rate=0.01))
    step, seen = trainer.method.step, list[float]()

    def step_and_note(batch: Batch, descent: Descent) -> dict[str, Tensor]:
        seen.append(float(trainer.method.optimisers["optimiser"].param_groups[0]["lr"]))
        return step(batch, descent)

    monkeypatch.setattr(trainer.method, "step", step_and_note)
    trainer.fit(seconds)
    if seconds:
        trainer._spent, trainer.stopping = 2.0, False
        trainer._step(next(iter(trainer._batches())))
    assert seen == pytest.approx([0.01 * share for share in expected])


def test_a_signal_ends_the_run_after_its_update_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_in(tmp_path, tiny_config(updates=100, checkpoint_every=1000))
    step = trainer._step

    def step_and_signal(batch: Batch) -> dict[str, Tensor]:
        handler = signal.getsignal(signal.SIGTERM)
        if trainer.update == 2 and callable(handler):
            handler(signal.SIGTERM, None)  # what Python calls; a real one is sent in the test of the command
        return step(batch)

    monkeypatch.setattr(trainer, "_step", step_and_signal)
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trainer.fit()
    assert trainer.stopping
    assert read_checkpoint(tmp_path / "last.pt")["update"] == 3
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers


def test_a_loss_that_is_not_a_number_stops_the_run_before_it_reaches_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=2))
    before = checkpoint.read_bytes()
    trainer = trainer_in(tmp_path, tiny_config(updates=4))
    trainer.resume(checkpoint)
    monkeypatch.setattr(losses, "masked_l1", lambda *tensors: tensors[0].mean() * float("nan"))
    with pytest.raises(FloatingPointError, match=r"not finite at update 3.*last checkpoint is intact"):
        trainer.fit()
    assert all(weight.isfinite().all() for weight in trainer.method.generator.parameters())
    assert checkpoint.read_bytes() == before


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=2))
    before = checkpoint.read_bytes()
    trainer = trainer_in(tmp_path, tiny_config(updates=4))
    trainer.resume(checkpoint)
    (tmp_path / ".last.pt.part").symlink_to("/dev/full")
    with pytest.raises(CheckpointWriteError, match=r"update 4 cannot be written .*is intact; free some space"):
        trainer.fit()
    assert checkpoint.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_a_later_stage_starts_from_the_weights_of_an_earlier_one(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path / "first", tiny_config(updates=2))
    later = trainer_in(tmp_path / "second", tiny_config(stage="adversarial", crop=160))
    later.start_from(checkpoint)
    assert later.update == 0
    assert same(later.method.average.state_dict(), read_checkpoint(checkpoint)["average"])


def test_resuming_drops_log_rows_after_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=2))
    (tmp_path / "log.csv").write_text("update,luma\n1,0.5\n2,0.4\n3,0.3\n4\n")
    trainer = trainer_in(tmp_path, tiny_config(updates=50, checkpoint_every=1000))
    trainer.resume(checkpoint)
    trainer.fit()
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [row["update"] for row in csv.DictReader(file)] == ["1", "2", "50"]


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=1))
    other = trainer_in(tmp_path, tiny_config(widths=[4, 6, 8, 8, 12]))
    with pytest.raises(CheckpointError, match=r"holds the network .*8, 8\].*these settings make .*8, 12\]"):
        other.resume(checkpoint)


def test_a_checkpoint_of_another_stage_is_not_resumed(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=1))
    other = trainer_in(tmp_path, tiny_config(stage="adversarial", crop=160))
    with pytest.raises(CheckpointError, match=r"of pix2pix-regression.*--from"):
        other.resume(checkpoint)


def test_a_regression_checkpoint_resumes_whatever_adversary_it_holds(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, tiny_config(updates=1))
    trainer = trainer_in(tmp_path, tiny_config(adversary_width=8))
    trainer.resume(checkpoint)
    assert trainer.update == 1


@pytest.mark.parametrize("content", ["noise", "half", "another"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.pt"
    if content == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif content == "half":
        whole = trained(tmp_path, tiny_config(updates=1)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        read_checkpoint(path)


def test_a_folder_without_training_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="split train"):
        trainer_in(tmp_path / "run", tiny_config(), [make_pair(split="val")])
    assert not (tmp_path / "run").exists()


def test_previews_are_made_when_there_is_something_to_show(tmp_path: Path) -> None:
    trainer_in(tmp_path / "a", tiny_config(updates=2, preview_every=2)).fit()
    with Image.open(tmp_path / "a" / "preview_000002.png") as sheet:
        captions = np.asarray(sheet.convert("L"))[: preview.CAPTION]
    for place in range(2 * 3):  # two pairs of three pictures, each with words above it and nothing else
        assert 20 < (captions[:, place * preview.SIDE : (place + 1) * preview.SIDE] > 128).sum() < 1500
    trainer_in(tmp_path / "b", tiny_config(updates=2, preview_every=2), [make_pair()]).fit()
    assert not list((tmp_path / "b").glob("*.png"))


def test_the_loop_runs_where_there_is_little_more_than_torch() -> None:
    absent = ["rasterio", "pydantic", "openvino", "pyproj", "nncf", "torchmetrics", "safetensors"]
    loop = "import geosar_training.cli, geosar_training.commands.fit"
    program = f"import sys; sys.modules.update(dict.fromkeys({absent})); {loop}"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)
