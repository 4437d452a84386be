"""All methods on one split and one budget, and the page that says how they compare."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from geosar_training.config import Config
from geosar_training.fitting.runs import load_network
from geosar_training.fitting.trainer import Precision, Trainer
from geosar_training.inference import generate
from geosar_training.networks.painter import Network
from geosar_training.pairs.dates import Place
from geosar_training.pairs.pair import Pair, coloured_split
from geosar_training.scoring.baselines import Translator, baselines
from geosar_training.scoring.measures import QUICK
from geosar_training.scoring.patches import progress_bar, score_patches
from geosar_training.scoring.sheet import save_sheet
from geosar_training.scoring.table import Table, table_of, to_plain
from geosar_training.settings import load_config

CONFIGS = Path(__file__).parents[1] / "configs"
ORDER = (
    "mean", "grey", "smooth-grey", "lr4colsar", "nl4colsar", "cnn4colsar", "cgan4colsar", "cgan4colsar-fused",
    "pix2pix-regression", "pix2pix", "colouriser", "colouriser-adversarial",
    "cyclegan", "cyclegan-classes", "cut", "cut-spatchgan",
    "fusion-ihs", "fusion-pca", "fusion-wavelet", "fusion-network",
)  # fmt: skip
"""Settings files of the methods, in the order of the page."""

FIRST_STAGE = {"pix2pix": "pix2pix-regression", "colouriser-adversarial": "colouriser"}
"""Whose settings make the start of a method's training."""

SHORT = {
    "batch": 2, "crop": 160, "width": 8, "adversary_width": 8, "widths": [8, 12, 16, 24, 32], "blocks": 2, "depth": 4,
    "scales": 3, "layers": 3, "patches": 64, "warmup": 5, "date_crops": 2,
}  # fmt: skip
"""What the short mode changes, where a method has it: it shows that everything runs, not which method is better."""

SHORT_DUAL = {"crop": 96}
"""Pairs of both polarisations are small."""


@dataclass(frozen=True)
class Budget:
    """What each method gets: a number of generator updates, or a wall time if that ends earlier."""

    updates: int
    seconds: float | None = None
    short: bool = False
    batch: int | None = None
    """Crops in an update at most, for settings that are made for a graphics card."""


@dataclass(frozen=True)
class Result:
    """What became of one method."""

    name: str
    config: Config
    updates: int
    seconds: float
    """Spent on training, also in earlier runs of the benchmark."""
    weights: int
    kiloflop: float
    """Of inference, a pixel."""
    network: Network


def settings_of(path: Path, budget: Budget) -> Config:
    """Read a method's settings for a budget."""
    config = load_config(path, updates=budget.updates)
    if budget.batch and config.batch > budget.batch:
        config = load_config(path, updates=budget.updates, batch=budget.batch)
    if not budget.short:
        return config
    dual = len(config.polarisations) > 1 and not config.declares_missing
    changes = SHORT | (SHORT_DUAL if dual else {})
    known = {item.name for item in fields(config)}
    overrides: dict[str, Any] = {key: changes[key] for key in changes if key in known}
    return load_config(path, updates=budget.updates, **overrides)


def run_method(
    path: Path,
    pairs: list[Pair],
    folder: Path,
    budget: Budget,
    *,
    precision: Precision = "auto",
    workers: int = 0,
    places: Sequence[Place] = (),
) -> Result:
    """Train a method by its settings file into `folder`, or go on with what is there.

    A method of two stages (see FIRST_STAGE) gets half of its budget for the first.
    """
    config = settings_of(path, budget)
    first, seconds = FIRST_STAGE.get(path.stem), 0.0
    if first and config.updates > 1:
        half = replace(budget, updates=budget.updates // 2, seconds=budget.seconds and budget.seconds / 2)
        start = run_method(
            path.with_name(f"{first}.yaml"), pairs, folder / "first", half, precision=precision, workers=workers,
            places=places,
        )  # fmt: skip
        seconds = start.seconds
        config = settings_of(path, replace(budget, updates=budget.updates - half.updates))
        budget = replace(budget, seconds=half.seconds)
    trainer = Trainer(config, pairs, folder, precision=precision, workers=workers, places=places)
    last = folder / "last.pt"
    resumed = last.exists()
    if resumed:
        trainer.resume(last)
    elif first:
        trainer.start_from(folder / "first" / "last.pt")
    seconds += _trained(trainer, folder / "seconds.txt", None if resumed and budget.seconds is not None else budget)
    network, _, updates = load_network(last, pairs, batches=4 if budget.short else None)
    weights = sum(weight.numel() for weight in network.parameters())
    updates += start.updates if first else 0
    return Result(path.stem, config, updates, seconds, weights, _kiloflop(network), network)


def _trained(trainer: Trainer, record: Path, budget: Budget | None) -> float:
    """Train within a budget, if any, and return the seconds that this and earlier runs took."""
    earlier = float(record.read_text()) if record.exists() else 0.0
    if budget is None or trainer.update >= trainer.config.updates:
        return earlier
    started = time.monotonic()
    trainer.fit(budget.seconds)
    seconds = earlier + time.monotonic() - started
    record.write_text(f"{seconds:.1f}\n")
    return seconds


def score(results: Sequence[Result], pairs: list[Pair], folder: Path) -> Table:
    """Score methods beside the baselines that nothing was trained for; writes ``metrics.json`` and ``sheet.png``."""
    validation = coloured_split(pairs, "val")
    untrained = baselines(coloured_split(pairs, "train"))
    translators: dict[str, Translator] = {f"{name}, untrained": translate for name, translate in untrained.items()}
    translators |= {result.name: partial(generate, result.network) for result in results}
    with progress_bar(len(translators) * len(validation)) as progress:
        evaluation = score_patches(translators, validation, QUICK, progress)
    table = table_of(evaluation)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(to_plain(table), indent=1) + "\n")
    save_sheet(evaluation, folder / "sheet.png", count=8)
    return table


def markdown(results: Sequence[Result], table: Table, pairs: Sequence[Pair]) -> str:
    """Return the table of one set of pairs: a method a row, all sources together."""
    validation = coloured_split(pairs, "val")
    images = f"{len(coloured_split(pairs, 'train'))} training and {len(validation)} validation images"
    lines = [
        f"{images}, {next(iter(table.values()))['all'].patches} patches scored.", "",
        "| method | updates | minutes | weights | kFLOP/px | PSNR dB (raw) | SSIM | over 80 m | sharpness (raw) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    known = {result.name: result for result in results}
    for name, groups in table.items():
        row, result = groups["all"], known.get(name)
        cost = "- | - | - | -"
        if result:
            cost = f"{result.updates} | {result.seconds / 60:.1f} | {_count(result.weights)} | {result.kiloflop:.1f}"
        lines.append(
            f"| {name} | {cost} | {row.matched.psnr:.2f} ({row.raw_psnr:.2f}) | {row.matched.ssim:.3f} "
            f"| {row.matched.psnr_80m:.2f} | {row.matched.sharpness:.2f} ({row.raw_sharpness:.2f}) |"
        )
    return "\n".join(lines) + "\n"


def few(pairs: Sequence[Pair], train: int = 12, val: int = 4) -> list[Pair]:
    """Pick some coloured pairs of each split, of as many sources as there are; parts of 256 x 256 pixels."""
    chosen: list[Pair] = []
    for split, number in (("train", train), ("val", val)):
        members = [pair for pair in pairs if pair.coloured and pair.split == split and min(pair.shape) >= 96]
        sources = sorted({pair.source for pair in members})
        turns: list[Pair] = []
        for index in range(number if sources else 0):
            mine = [pair for pair in members if pair.source == sources[index % len(sources)]]
            turns += mine[index // len(sources) : index // len(sources) + 1]
        chosen += [pair.cut(slice(256), slice(256)) for pair in turns]
    return chosen


def page(tables: Mapping[str, str], budget: Budget, command: str, device: str, *, moved: bool) -> str:
    """Return the whole page; `moved` says that optical images were moved onto their radar before scoring."""
    each = f"{budget.updates} updates" if budget.seconds is None else f"{budget.seconds / 60:.0f} minutes at most"
    short = (
        "\n**Short mode**: tiny networks, few patches and few updates. It shows that every method runs; the figures\n"
        "say nothing about which is better.\n"
    )
    origin = f"Each method by its settings file in `training/configs/`, {each}, on {device}; made by"
    head = (
        f"# Methods compared\n\n{origin}\n\n```\n{command}\n```\n{short if budget.short else ''}\n"
        "Scores are tone-matched (one gain and offset a channel and scene, for baselines as well), in brackets of the\n"
        "image as it was made; [docs/training.md](../docs/training.md) says what each is. Unpaired methods\n"
        "(CycleGAN, CUT) never see which optical image belongs to which radar image, so pixel scores are hard on\n"
        "them: look at the pictures too.\n"
        + ("Optical images were moved onto their radar, for training and for the scores.\n" if moved else "")
    )
    return head + "".join(f"\n## {title}\n\n{table}" for title, table in tables.items())


def _kiloflop(network: Network) -> float:
    side = 4 * network.stride if network.stride > 1 else 64
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, network.channels, side, side))
    return float(counter.get_total_flops()) / side**2 / 1000


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 100_000 else f"{number}"


def label_of(config: Config) -> str:
    """Say which pairs a method is trained and scored on."""
    if not config.polarisations or config.declares_missing:
        return "One polarisation"
    return f"{' and '.join(config.polarisations)} in decibel"


def default_configs() -> list[Path]:
    """Settings files of all methods."""
    return [CONFIGS / f"{name}.yaml" for name in ORDER]
