"""Commands of the laboratory: ``geosar-train`` and ``geosar-evaluate``."""

from functools import partial
from pathlib import Path

import click
import torch

from geosar.errors import GeosarError
from training.config import load_config
from training.data import PairsError, read_pairs
from training.evaluate import Translator, grey_image, markdown, mean_colour, smooth_grey, write_report
from training.evaluate import evaluate as score_all
from training.package import load_network, write_manifest, write_networks
from training.preview import generate
from training.trainer import Trainer
from training.translators import agreement, engine_translator

PAIRS = click.option(
    "--pairs", "folders", type=click.Path(exists=True, file_okay=False, path_type=Path), multiple=True, required=True,
    help="Folder with manifest.csv, sar/ and opt/; may be given again (grey optical too).",
)  # fmt: skip

TITLE = "Sentinel-1 to true colour"
DESCRIPTION = (
    "Optical-looking true colour from one polarisation (VV or VH) of Sentinel-1 at 10 m, with its expected error."
)


@click.group()
def train() -> None:
    """Train a network on pairs of SAR and optical patches, and package it."""


@train.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PAIRS
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for checkpoints, logs and previews; a run found there is resumed.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoint of an earlier stage to start from.",
)
@click.option("--updates", type=int, help="Overrides the settings file.")
@click.option("--seed", type=int, help="Overrides the settings file.")
@click.option("--precision", default="auto", show_default=True, help="auto, 32-true or bf16-mixed.")
@click.option("--workers", default=0, show_default=True, help="Processes that cut crops.")
@click.option("--threads", type=int, help="Processor threads of torch.")
def fit(
    config: Path, folders: tuple[Path, ...], output: Path, start: Path | None, updates: int | None,
    seed: int | None, precision: str, workers: int, threads: int | None,
) -> None:  # fmt: skip
    """Train by the settings in CONFIG; stop with Ctrl-C and give the same command again to go on."""
    if threads:
        torch.set_num_threads(threads)
    try:
        pairs = [pair for folder in folders for pair in read_pairs(folder)]
        trainer = Trainer(
            load_config(config, updates=updates, seed=seed),
            pairs,
            output,
            precision=precision,
            workers=workers,
        )
        last = output / "last.pt"
        if last.exists():
            trainer.resume(last)
            click.echo(f"Resuming at update {trainer.update}.")
        elif start:
            trainer.start_from(torch.load(start, map_location="cpu", weights_only=True))
        trainer.fit()
    except (PairsError, ValueError, FloatingPointError, OSError) as error:
        raise click.ClickException(str(error)) from error


@train.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PAIRS
@click.option(
    "--twin",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoint of the L1-only twin, scored beside it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The model's folder.",
)
@click.option("--name", default="s1-rgb", show_default=True)
@click.option("--version", default="0.1", show_default=True)
@click.option(
    "--card",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Text of the model card; {scores} and {training} in it are filled in.",
)
def export(
    checkpoint: Path, folders: tuple[Path, ...], twin: Path | None, output: Path, name: str, version: str, card: Path | None,
) -> None:  # fmt: skip
    """Package CHECKPOINT: int8 and float32 networks, weights, manifest and model card with scores."""
    try:
        pairs = [pair for folder in folders for pair in read_pairs(folder)]
        network, config, updates = load_network(checkpoint, pairs)
        coloured = [pair for pair in pairs if pair.coloured]
        validation = [pair for pair in coloured if pair.split == "val"]
        translators: dict[str, Translator] = {
            "mean colour": mean_colour([pair for pair in coloured if pair.split == "train"]), "smooth grey": smooth_grey,
        }  # fmt: skip
        if twin:
            twin_network, _, _ = load_network(twin, pairs)
            translators["L1-only twin"] = partial(generate, twin_network)
        translators[f"{name} (torch float32)"] = partial(generate, network)
        training = {"settings": config.to_dict(), "updates": updates, "pairs": len(pairs)}
        common = {
            "name": name,
            "version": version,
            "title": TITLE,
            "description": DESCRIPTION,
            "training": training,
        }
        write_networks(network, pairs, output)
        write_manifest(network, output, metrics={}, **common)
        translators[f"{name} (int8)"] = engine_translator(output, "int8")
        table, _ = score_all(translators, validation)
        metrics = {
            "validation": {method: groups for method, groups in table.items()},
            "int8_against_float32": agreement(output, validation),
        }
        write_manifest(network, output, metrics=metrics, **common)
        if card:
            words = card.read_text().replace("{scores}", markdown(table)).replace("{updates}", str(updates))
            words = words.replace(
                "{agreement}", ", ".join(f"{k} {v:.4g}" for k, v in metrics["int8_against_float32"].items())
            )
            (output / "MODEL_CARD.md").write_text(words)
        click.echo(markdown(table))
        click.echo(f"int8 against float32: {metrics['int8_against_float32']}")
    except (PairsError, GeosarError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("models", nargs=-1, required=True)
@PAIRS
@click.option("--split", default="val", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the report.",
)
def evaluate(models: tuple[str, ...], folders: tuple[Path, ...], split: str, output: Path) -> None:
    """Score MODELS (checkpoints, packaged models by name or folder) beside the baselines."""
    try:
        pairs = [pair for folder in folders for pair in read_pairs(folder) if pair.coloured]
        chosen = [pair for pair in pairs if pair.split == split]
        if not chosen:
            raise PairsError(
                f"No coloured pair has the split {split!r}; found are {sorted({pair.split for pair in pairs})}."
            )
        translators: dict[str, Translator] = {
            "mean colour": mean_colour([pair for pair in pairs if pair.split == "train"]),
            "grey": grey_image, "smooth grey": smooth_grey,
        }  # fmt: skip
        for model in models:
            if model.endswith(".pt"):
                network, _, updates = load_network(Path(model), pairs)
                translators[f"{Path(model).parent.name} ({updates} updates)"] = partial(generate, network)
            else:
                translators |= {
                    f"{Path(model).name} ({kind})": engine_translator(model, kind) for kind in ("float32", "int8")
                }
        table, pictures = score_all(translators, chosen)
        write_report(output, table, pictures, chosen)
        click.echo(markdown(table))
        click.echo(f"Report, metrics and pictures are in {output}.")
    except (PairsError, GeosarError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
