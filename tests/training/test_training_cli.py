"""The commands as a user gives them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from geosar_training.cli import train
from geosar_training.commands import export as export_command
from geosar_training.fitting.checkpoint import read_checkpoint
from geosar_training.fitting.folder import held
from geosar_training.packaging.export import Report
from geosar_training.packaging.translators import Agreement
from geosar_training.scoring.metrics import Scores
from geosar_training.scoring.table import GroupScores
from helpers.training.laboratory import WIDTHS, make_pair, make_pairs, write_pairs

ROOT = Path(__file__).parents[2]
SETTINGS = f"updates: 4\nbatch: 2\ncrop: 96\nwidths: {WIDTHS}\nadversary_width: 4\nwarmup: 2\n"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", make_pairs())


def fit(settings: Path, folder: Path, *more: str) -> Result:
    words = ["fit", settings, "--pairs", folder, "-o", settings.parent / "run", "--precision", "32-true", *more]
    return CliRunner().invoke(train, [str(word) for word in words])


def refused(result: Result) -> str:
    """Return what the command said; it must have ended by itself, with one line and no traceback."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def test_help_names_the_commands() -> None:
    output = CliRunner().invoke(train, ["--help"]).output
    assert "export" in output
    assert "fit" in output


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(train, ["translate"])
    assert result.exit_code == 2
    assert "No such command 'translate'" in result.output


def test_fit_trains_and_the_same_command_says_that_it_is_done(settings: Path, folder: Path) -> None:
    first = fit(settings, folder)
    assert first.exit_code == 0, first.output
    assert (settings.parent / "run" / "last.pt").is_file()
    again = fit(settings, folder)
    assert again.exit_code == 0
    assert "All 4 updates are done" in again.output


def test_fit_goes_on_when_more_updates_are_asked_for(settings: Path, folder: Path) -> None:
    fit(settings, folder)
    more = fit(settings, folder, "--updates", "6")
    assert "Resuming at update 4." in more.output
    assert torch.load(settings.parent / "run" / "last.pt", weights_only=True)["update"] == 6


def test_a_setting_is_changed_on_the_command_line(settings: Path, folder: Path) -> None:
    result = fit(settings, folder, "--set", "learning_rate=0.002", "--set", "augmentation.zoom=0.25")
    assert result.exit_code == 0, result.output
    config = read_checkpoint(settings.parent / "run/last.pt")["config"]
    assert config["learning_rate"] == 0.002
    assert config["augmentation"]["zoom"] == 0.25
    assert "'learning_rate' is no setting" in refused(fit(settings, folder, "--set", "learning_rate"))
    assert "lerning_rate" in refused(fit(settings, folder, "--set", "lerning_rate=1"))


def test_going_on_with_other_settings_or_pairs_is_said(settings: Path, folder: Path) -> None:
    assert "Note" not in fit(settings, folder).output
    result = fit(settings, folder, "--updates", "5", "--set", "learning_rate=0.002")
    assert "Note: learning_rate is 0.002 and was" in result.stderr
    assert "pairs" not in result.stderr
    write_pairs(folder, [*make_pairs(), make_pair("more")])
    result = fit(settings, folder, "--updates", "6", "--set", "learning_rate=0.002")
    assert "Note: the training pairs are others." in result.stderr


def test_a_misspelt_source_is_said(settings: Path, folder: Path) -> None:
    result = fit(settings, folder, "--leave-out", "hare")
    assert "No pair is of the source hare (did you mean here?)" in refused(result)
    result = fit(settings, folder, "--set", "source_weights={here: 1, ther: 2}")
    assert "Note: source_weights names sources that no pair has: ther" in result.stderr


def test_two_runs_do_not_share_a_folder(settings: Path, folder: Path) -> None:
    (settings.parent / "run").mkdir()
    with held(settings.parent / "run"):
        assert "Another run trains into" in refused(fit(settings, folder))
    assert fit(settings, folder).exit_code == 0


def test_a_comparison_leaves_out_the_method_that_the_pairs_cannot_serve(settings: Path, folder: Path) -> None:
    bad = settings.parent / "wet.yaml"
    bad.write_text(settings.read_text() + "water_crops: 0.5\n")
    output = settings.parent / "compared"
    words = ["benchmark", "--pairs", folder, "--config", bad, "--config", settings, "-o", output, "--short"]
    result = CliRunner().invoke(train, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "wet: left out. water_crops or basins is above 0" in result.output
    assert f"| {settings.stem} |" in (output / "METHODS.md").read_text()


def test_a_comparison_without_validation_is_refused_before_it_trains(settings: Path, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "all-train", make_pairs(val=0))
    words = ["benchmark", "--pairs", pairs, "--config", settings, "-o", tmp_path / "compared", "--short"]
    result = CliRunner().invoke(train, [str(word) for word in words])
    assert "No coloured pair has the split 'val'; found are: train" in refused(result)
    assert not (tmp_path / "compared").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_fit_stops_at_a_signal_and_the_same_command_goes_on(
    settings: Path, folder: Path, number: signal.Signals
) -> None:
    run = settings.parent / "run"
    words = ["fit", settings, "--pairs", folder, "-o", run, "--updates", "100000", "--threads", "1"]
    program = [sys.executable, "-c", "from geosar_training.cli import train; train()", *map(str, words)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        deadline = time.monotonic() + 120
        while not (run / "log.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    update = torch.load(run / "last.pt", weights_only=True)["update"]
    assert update >= 50
    assert f"Stopped after update {update}; give the same command again" in output
    assert f"Resuming at update {update}." in fit(settings, folder, "--updates", str(update + 1)).output


def test_fit_starts_a_later_stage_from_a_checkpoint(settings: Path, folder: Path, tmp_path: Path) -> None:
    fit(settings, folder)
    later = tmp_path / "later"
    later.mkdir()
    (later / "adversarial.yaml").write_text(SETTINGS.replace("96", "160") + "stage: adversarial\n")
    result = fit(later / "adversarial.yaml", folder, "--from", str(settings.parent / "run" / "last.pt"))
    assert result.exit_code == 0, result.output
    assert torch.load(later / "run" / "last.pt", weights_only=True)["config"]["stage"] == "adversarial"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("rate: 1", "unknown settings rate; known are adversary_learning_rate"),
        ("learning_rate: 1e-3", "learning_rate is '1e-3'; expected a number. Write powers of ten with a point"),
        ("updates: many", "updates is 'many'; expected a whole number"),
        ("updates: 0", "updates is 0; expected 1 or more"),
        ("crop: 100", "crop is 100; expected a multiple of the network's stride, 32"),
        ("stage: last", "stage is 'last'; expected regression or adversarial"),
        ("stage: adversarial\ncrop: 128", "needs 160 or more"),
        ("widths: [1, 2, 3]", "expected 5 numbers of features"),
        ("weights: {luma: 1, tone: 2}", "unknown settings tone"),
        ("weights: 3", "weights is 3; expected a `term: number`"),
        ("ema: 1", "ema at least 0 and below 1"),
        ("cooldown: 1.5", "cooldown is 1.5; expected 0 to 1"),
        ("source_weights: {here: -1}", "expected numbers of 0 or more"),
        ("share: 0", "share is 0; expected more than 0"),
        ("base: none.yaml", "none.yaml cannot be read (No such file or directory)"),
        ("base: run.yaml", "run.yaml is the base of its own base"),
        ("base: 3", "base is 3; expected the name of a settings file"),
        ("[", "is not valid YAML"),
        ("- 1", "holds a list; expected settings"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: Path, folder: Path, lines: str, says: str) -> None:
    settings.write_text(lines)
    result = fit(settings, folder)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


def test_faulty_pairs_end_in_one_line(settings: Path, folder: Path) -> None:
    (folder / "sar" / "p1.png").unlink()
    assert "The pair p1" in refused(fit(settings, folder))


def test_another_architecture_ends_in_one_line(settings: Path, folder: Path) -> None:
    fit(settings, folder)
    settings.write_text(SETTINGS.replace("[4,", "[8,"))
    assert "that it was made with" in refused(fit(settings, folder))


def test_a_loss_that_is_not_finite_ends_in_one_line(settings: Path, folder: Path) -> None:
    settings.write_text(SETTINGS + "learning_rate: 1.0e+30\n")
    assert "is not finite at update" in refused(fit(settings, folder))


def test_a_full_disk_ends_in_one_line(settings: Path, folder: Path) -> None:
    run = settings.parent / "run"
    run.mkdir()
    (run / ".last.pt.part").symlink_to("/dev/full")
    assert "No checkpoint was written yet; free some space" in refused(fit(settings, folder))


def test_export_tells_the_scores_and_where_the_model_is(
    settings: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(settings, folder)
    exported: dict[str, object] = {}

    def make(checkpoint: Path, pairs: object, output: Path, **rest: object) -> Report:
        exported.update(rest, checkpoint=checkpoint, output=output, pairs=pairs)
        row = GroupScores(2, 11.0, 0.75, Scores(12.5, 0.25, 14.0, 0.5))
        return Report({"mine": {"all": row}}, Agreement(40.0, 1.0, 9.0))

    monkeypatch.setattr(export_command, "export_model", make)
    words = ["export", tmp_path / "run" / "last.pt", "--pairs", folder, "-o", tmp_path / "model", "--name", "mine"]
    result = CliRunner().invoke(train, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "| all | 2 | mine | 12.50 (11.00) | 0.250 | 14.00 | 0.50 (0.75) |" in result.output
    assert "40.0 dB, mean difference 1.00, 99.9 % within 9 of 255" in result.output
    assert exported["checkpoint"] == tmp_path / "run" / "last.pt"


def test_export_of_a_model_with_an_impossible_name_is_refused(settings: Path, folder: Path, tmp_path: Path) -> None:
    fit(settings, folder)
    words = ["export", tmp_path / "run" / "last.pt", "--pairs", folder, "-o", tmp_path / "model", "--name", "../up"]
    result = CliRunner().invoke(train, [str(word) for word in words])
    assert result.exit_code == 1
    assert "The name '../up' cannot be a model's" in result.output
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("command", ["train(['--help'])", "train(['fit', '--help'])", "evaluate()"])
def test_where_the_laboratory_is_not_installed_a_sentence_says_so(command: str) -> None:
    program = f"import sys; sys.modules['torch'] = None; from geosar_training.cli import evaluate, train; {command}"
    ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr == "Error: torch is not installed. Install the laboratory with: pip install 'geosar[train]'\n"
