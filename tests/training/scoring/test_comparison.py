"""All methods by one command."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geosar_training.cli import train
from geosar_training.fitting import averaging
from geosar_training.scoring.comparison import CONFIGS, ORDER, Budget, default_configs, few, settings_of
from helpers.training.laboratory import make_pair, write_pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = [make_pair(f"p{i}", split="val" if i > 2 else "train", size=160, seed=i) for i in range(5)]
    return write_pairs(tmp_path / "pairs", pairs)


def benchmark(folder: Path, *words: object) -> Result:
    arguments = ("--pairs", folder, "-o", folder.parent / "runs", "--short", "--precision", "32-true", *words)
    return CliRunner().invoke(train, ["benchmark", *map(str, arguments)])


def test_every_settings_file_is_on_the_page() -> None:
    true_colour = {path.stem for path in CONFIGS.glob("*.yaml") if "falsecolour" not in path.stem}
    assert true_colour - {"s1-rgb"} == set(ORDER)  # which goes on from a packaged model
    assert all(path.is_file() for path in default_configs())


def test_the_page_compares_methods_and_a_second_call_trains_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(averaging, "BATCHES", 2)
    configs = [word for name in ("mean", "smooth-grey", "pix2pix") for word in ("--config", CONFIGS / f"{name}.yaml")]
    first = benchmark(folder, *configs)
    assert first.exit_code == 0, first.output
    report = folder.parent / "runs" / "METHODS.md"
    page = report.read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows == ["method", "mean colour, untrained", "grey, untrained", "smooth grey, untrained", "mean",
                    "smooth-grey", "pix2pix"]  # fmt: skip
    assert "| pix2pix | 6 |" in page  # of both stages together
    assert (folder.parent / "runs" / "one-polarisation" / "sheet.png").is_file()
    second = benchmark(folder, *configs, "--report", report)  # in place of the page that is there
    assert second.exit_code == 0, second.output
    assert "update/s" not in second.output


def test_methods_without_pairs_are_left_out_with_the_reason(folder: Path) -> None:
    result = benchmark(folder, "--config", CONFIGS / "mean.yaml", "--config", CONFIGS / "fusion-ihs.yaml")
    assert result.exit_code == 0, result.output
    assert "VV and VH in decibel: left out. " in result.output


def test_the_short_mode_only_changes_what_a_method_has() -> None:
    short = settings_of(CONFIGS / "mean.yaml", Budget(3, short=True))
    assert (short.updates, short.batch, short.crop) == (3, 2, 160)
    assert settings_of(CONFIGS / "mean.yaml", Budget(3)).batch == 8


def test_batches_for_a_graphics_card_can_be_bounded() -> None:
    assert settings_of(CONFIGS / "pix2pix.yaml", Budget(3)).batch > 8
    assert settings_of(CONFIGS / "pix2pix.yaml", Budget(3, batch=8)).batch == 8
    assert settings_of(CONFIGS / "cut.yaml", Budget(3, batch=8)).batch == 2


def test_few_pairs_are_of_many_sources_and_small() -> None:
    pairs = [make_pair(f"{source}{i}", source=source, size=320) for source in "abc" for i in range(5)]
    pairs += [make_pair("v", split="val", size=300), make_pair("grey", coloured=False, size=300)]
    chosen = few(pairs, train=6, val=2)
    assert sorted(pair.source for pair in chosen if pair.split == "train") == ["a", "a", "b", "b", "c", "c"]
    assert [pair.name for pair in chosen if pair.split == "val"] == ["v"]
    assert {pair.shape for pair in chosen} == {(256, 256)}
