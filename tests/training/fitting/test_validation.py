"""Scores while a network is trained: of land that it does not learn from; the best is kept, and a run ends."""

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from geosar_training.cli import train
from geosar_training.errors import ConfigError
from geosar_training.fitting import averaging
from geosar_training.fitting.checkpoint import read_checkpoint
from geosar_training.fitting.runs import load_network
from geosar_training.fitting.trainer import Trainer
from geosar_training.fitting.validation import Validation
from geosar_training.inference import generate
from geosar_training.scoring.table import evaluate
from helpers.training.laboratory import make_pair, make_pairs, same, tiny_config, write_pairs

SCORES = [10.0, 12.0, 11.0, 11.5, 13.0]


def trainer_in(folder: Path, pairs: list[Any], **changes: Any) -> Trainer:
    return Trainer(tiny_config(validate_every=1, **changes), pairs, folder, precision="32-true")


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Scores that are given in this order, whatever the network; what is left of them."""
    left = list(SCORES)

    def score(_: Validation, _network: Any) -> dict[str, float]:
        return {"val_psnr": left.pop(0)}

    monkeypatch.setattr(Validation, "score", score)
    monkeypatch.setattr(Trainer, "averaged", lambda _: None)
    return left


def test_places_that_are_left_out_come_before_the_split_val() -> None:
    pairs = [
        *make_pairs(),
        make_pair("far", source="set/away", seed=5),
        make_pair("grey", source="set/away", coloured=False),
    ]
    assert [pair.name for pair in Validation.of(tiny_config(), pairs).pairs] == ["p3", "p4"]
    assert [pair.name for pair in Validation.of(tiny_config(left_out=["away"]), pairs).pairs] == ["far"]
    assert [pair.name for pair in Validation.of(tiny_config(left_out=["set"]), pairs).pairs] == ["far"]
    assert [pair.name for pair in Validation.of(tiny_config(validate_pairs=1), pairs).pairs] == ["p3"]
    with pytest.raises(ConfigError, match="no coloured pair is of the split val"):
        Validation.of(tiny_config(), make_pairs(val=0))


def test_the_best_is_kept_and_its_score_is_that_of_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(averaging, "BATCHES", 2)
    pairs = make_pairs()
    trainer = trainer_in(tmp_path, pairs, updates=2)
    trainer.fit()
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["update"] for row in rows] == ["1", "2"]
    assert trainer.validation is not None
    network, _, update = load_network(tmp_path / "best.pt", pairs)
    table, _ = evaluate({"best": partial(generate, network)}, pairs[3:])
    assert update == trainer.validation.best_update
    assert table["best"]["all"].matched.psnr == pytest.approx(trainer.validation.best)
    assert float(rows[update - 1]["val_psnr"]) == pytest.approx(trainer.validation.best, abs=1e-4)


def test_a_resumed_run_knows_the_best_and_scoring_changes_no_weight(tmp_path: Path, scores: list[float]) -> None:
    trainer_in(tmp_path / "halves", make_pairs(), updates=3).fit()
    resumed = trainer_in(tmp_path / "halves", make_pairs(), updates=4)
    resumed.resume(tmp_path / "halves" / "last.pt")
    resumed.fit()
    assert resumed.validation is not None
    assert (resumed.validation.best, resumed.validation.best_update, resumed.validation.waited) == (12.0, 2, 2)
    assert read_checkpoint(tmp_path / "halves" / "best.pt")["update"] == 2
    plain = Trainer(tiny_config(updates=4), make_pairs(), tmp_path / "plain", precision="32-true")
    plain.fit()
    first, second = (read_checkpoint(tmp_path / name / "last.pt") for name in ("halves", "plain"))
    assert scores == [13.0]
    assert same(first["generator"], second["generator"])


def test_a_run_that_gets_no_better_ends_and_says_which_was_the_best(tmp_path: Path, scores: list[float]) -> None:
    settings = tmp_path / "tiny.yaml"
    settings.write_text(json.dumps(tiny_config(validate_every=1, patience=2, updates=9).to_dict()))  # JSON is YAML
    pairs = write_pairs(tmp_path / "pairs", make_pairs())
    words = ["fit", str(settings), "--pairs", str(pairs), "-o", str(tmp_path / "run"), "--precision", "32-true"]
    fit = partial(CliRunner().invoke, train, words)
    output = fit().output
    assert "update 2: 12.00 dB on the split val; the best so far" in output
    assert "The best is 12.00 dB at update 2, on 2 pairs of the split val" in output
    assert "no better for 2 scores" in output
    assert scores == [13.0]
    assert "no better for 2 scores" in fit().output  # and is not gone on with
    assert scores == [13.0]


def test_patience_without_scores_is_refused() -> None:
    with pytest.raises(ConfigError, match="validate_every is 0"):
        tiny_config(patience=3)
