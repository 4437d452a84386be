"""``geosar-evaluate`` as a user gives it: scores of images, and flood mapping."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from geosar_training.commands.evaluate import evaluate
from geosar_training.fitting import averaging
from geosar_training.fitting.trainer import Trainer
from geosar_training.flood import chips
from helpers.training.flood_chips import write_ombria, write_sen1floods11
from helpers.training.laboratory import make_pair, make_pairs, tiny_config, write_pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), make_pairs())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    Trainer(tiny_config(), make_pairs(), run, precision="32-true").fit()
    return run / "last.pt"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averaging, "BATCHES", 2)


def score(models: Sequence[str | Path], folder: Path, output: Path, *more: str) -> Result:
    words = [*map(str, models), "--pairs", str(folder), "-o", str(output), *more]
    return CliRunner().invoke(evaluate, words)


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    return line


def test_a_checkpoint_is_scored_beside_the_baselines(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    result = score([checkpoint], folder, tmp_path / "report")
    assert result.exit_code == 0, result.output
    answer = json.loads((tmp_path / "report" / "metrics.json").read_text())
    scores = answer["scores"]
    assert list(scores) == ["mean colour", "grey", "smooth grey", "run (4 updates)"]
    assert answer["protocol"]["patches"] == scores["mean colour"]["all"]["raw"]["psnr"]["patches"] == 2
    # Land is a function of the radar here, so smoothed radar beats the mean colour, and the mean has no detail.
    best, mean = (scores[name]["all"]["matched"] for name in ("smooth grey", "mean colour"))
    assert best["psnr"]["mean"] > mean["psnr"]["mean"] + 3
    assert best["psnr"]["low"] <= best["psnr"]["mean"] <= best["psnr"]["high"]
    assert mean["sharpness"]["mean"] < 0.01
    assert scores["grey"]["source"]["here"]["raw"]["identity"]["mean"] < 0.02  # it is the radar
    assert scores["grey"]["landcover"]["field"]["raw"]["q2n"]["patches"] == 2
    assert "ms_ssim" not in best  # the patches are too small for it
    assert list(answer["error_band"]) == ["run (4 updates)"]
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "metrics.json", "report.html", "report.md", "sheet.png",
    }  # fmt: skip


def test_a_report_on_registered_images_says_so(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    score([checkpoint], folder, tmp_path / "report", "--quick", "--register")
    report = (tmp_path / "report" / "report.md").read_text()
    assert "moved onto the radar" in report
    assert "--register -o" in report


def test_the_report_is_one_file_that_fetches_nothing(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    score([checkpoint], folder, tmp_path / "report", "--quick")
    page = (tmp_path / "report" / "report.html").read_text()
    sources = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert len(sources) >= 3 + 4  # figures, and the pictures of a patch
    assert all(source.startswith("data:image/") for source in sources)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert str(tmp_path) not in page


def test_names_in_the_manifest_cannot_run_in_the_report(checkpoint: Path, tmp_path: Path) -> None:
    pairs = [make_pair("a"), make_pair("b", split="val", source="<script>alert(1)</script>", seed=3)]
    result = score([checkpoint], write_pairs(tmp_path / "pairs", pairs), tmp_path / "report", "--quick")
    assert result.exit_code == 0, result.output
    assert "<script>" not in (tmp_path / "report" / "report.html").read_text()


def test_scores_may_be_named(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    result = score(["scores", checkpoint], folder, tmp_path / "report", "--quick", "--sheet", "1")
    assert result.exit_code == 0, result.output
    assert "| all | 2 | run (4 updates) |" in result.output


def test_help_tells_of_flood() -> None:
    output = CliRunner().invoke(evaluate, ["--help"]).output
    assert "flood" in output
    assert "scores" in output


def test_lpips_needs_weights_of_its_network(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    result = score([checkpoint], folder, tmp_path / "report", "--lpips-weights", str(tmp_path / "other.pth"))
    assert "does not hold the weights of torchvision's alexnet" in refused(result)


def test_lpips_takes_the_weights_beside_the_pairs(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    import torchvision  # noqa: PLC0415 - only after the operators are declared

    (folder.parent / "weights").mkdir()
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), folder.parent / "weights/squeezenet1_1.pth")
    result = score([checkpoint], folder, tmp_path / "report", "--sheet", "1")
    assert result.exit_code == 0, result.output
    report = (tmp_path / "report/report.md").read_text()
    assert "LPIPS (squeeze)" in report
    assert "with the weights squeezenet1_1.pth" in report
    assert "LPIPS" not in score([checkpoint], folder, tmp_path / "report", "--quick", "--sheet", "1").output


def test_the_splits_there_are_are_named(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    line = refused(score([checkpoint], folder, tmp_path / "report", "--split", "test"))
    assert "found are" in line or "no pair" in line


def test_pairs_without_colour_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    grey = write_pairs(tmp_path / "grey", [make_pair("g", split="val", coloured=False)])
    assert "found are: none" in refused(score([checkpoint], grey, tmp_path / "report"))


def test_a_model_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "no model 'nowhere'" in refused(score(["nowhere"], folder, tmp_path / "report"))
    assert "nowhere.pt" in refused(score([tmp_path / "nowhere.pt"], folder, tmp_path / "report"))


def test_flood_says_in_words_what_colorizing_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chips, "SEEN_IN_TRAINING", frozenset({"Seen_1"}))
    folders = [write_ombria(tmp_path / "ombria"), write_sen1floods11(tmp_path / "sen1floods11")]
    words = ["flood", "-o", tmp_path / "report", "--updates", "2", "--width", "4", "--seeds", "2"]
    words += [word for folder in folders for word in ("--chips", folder)]
    result = CliRunner().invoke(evaluate, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "OMBRIA, one threshold: the colorized image instead of radar" in result.output
    assert "Sen1Floods11, small U-Net: the colorized image beside radar" in result.output
    answer = json.loads((tmp_path / "report" / "flood.json").read_text())
    assert list(answer) == ["OMBRIA", "OMBRIA place", "Sen1Floods11"]
    assert {(row["method"], row["given"]) for row in answer["OMBRIA"]} >= {
        ("one threshold", "radar"), ("Otsu's threshold", "radar + colorized"), ("small U-Net", "optical"),
    }  # fmt: skip
    radar = next(row for row in answer["OMBRIA"] if (row["method"], row["given"]) == ("one threshold", "radar"))
    assert radar["iou"] > 0.85  # water is dark in these chips; its shore is lost in the 5 x 5 mean
    assert (tmp_path / "report" / "flood.png").is_file()
    assert {row["chips"] for row in answer["Sen1Floods11"] if row["given"] == "optical"} == {1}


def test_flood_of_a_folder_without_chips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = ["flood", "--chips", str(tmp_path / "empty"), "-o", str(tmp_path / "report")]
    assert "holds no flood chips; expected manifest.csv" in refused(CliRunner().invoke(evaluate, words))


def test_flood_without_training_chips_is_refused(tmp_path: Path) -> None:
    words = ["flood", "--chips", str(write_sen1floods11(tmp_path / "chips")), "-o", str(tmp_path / "report")]
    assert "0 chips to train on" in refused(CliRunner().invoke(evaluate, words))
