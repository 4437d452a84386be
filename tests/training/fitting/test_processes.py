"""Several processes that train together, by both launchers (gloo, on the processor)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from geosar_training.errors import ConfigError
from geosar_training.fitting.descent import Descent
from geosar_training.fitting.trainer import Trainer
from geosar_training.pairs.samples import Share
from helpers.training.laboratory import make_pairs, tiny_config, write_pairs

ROOT = Path(__file__).parents[3]
SETTINGS = "updates: 3\nbatch: 4\ncrop: 96\nwidths: [4, 6, 8, 8, 8]\nwarmup: 2\n"
PROGRAM = "from geosar_training.cli import train\n\nif __name__ == '__main__':\n    train()\n"


def fit(folder: Path, output: str, *words: str, launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    (folder / "run.yaml").write_text(SETTINGS)
    arguments = ["fit", folder / "run.yaml", "--pairs", folder / "pairs", "-o", folder / output, "--threads", "1"]
    command = [sys.executable, *launcher, str(program), *map(str, arguments), "--precision", "32-true", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_two_processes_make_one_network_by_torchrun_and_by_the_trainers_own_launcher(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", make_pairs())
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    first = fit(tmp_path, "run", "--devices", "2", "--updates", "2", launcher=torchrun)
    assert first.returncode == 0, first.stderr
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["update"] == 2
    second = fit(tmp_path, "run", "--devices", "2")
    assert second.returncode == 0, second.stderr
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["update"] == 3


def test_processes_share_each_batch_in_order() -> None:
    alone = list(Share(range(3, 5), 4))
    shares = [list(Share(range(3, 5), 4, rank, 2)) for rank in range(2)]
    assert alone == list(range(12, 20))
    assert shares == [[12, 13, 16, 17], [14, 15, 18, 19]]


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fabric, "world_size", 3)
    with pytest.raises(ConfigError, match="batch is 2; expected a multiple of the 3 processes"):
        Trainer(tiny_config(), make_pairs(), tmp_path)


def test_gradients_are_averaged_over_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    fabric = Fabric(devices=1, accelerator="cpu")
    monkeypatch.setattr(Fabric, "world_size", 2)
    monkeypatch.setattr(fabric, "all_reduce", lambda values, reduce_op: values / 2 if reduce_op == "mean" else values)
    weights = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))]
    optimiser = torch.optim.SGD(weights, lr=1.0)
    Descent(fabric)(optimiser, weights[0].sum() + 3 * weights[1].sum(), {})  # as if the other's gradient were 0
    assert weights[0].tolist() == [[0.5] * 3] * 2
    assert weights[1].tolist() == [-0.5] * 4
