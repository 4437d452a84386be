"""``geosar-train fit``: trains, and goes on where an earlier run stopped."""

from pathlib import Path
from typing import get_args

import click

from geosar_training.commands.options import (
    FILE,
    FOLDER,
    pairs_option,
    plain_errors,
    read_for,
    threads_option,
    use_threads,
)
from geosar_training.config import Config
from geosar_training.errors import ConfigError
from geosar_training.fitting.trainer import Precision, Trainer
from geosar_training.pairs.dates import places_among, read_places
from geosar_training.pairs.pair import Pair, unknown_sources
from geosar_training.pairs.registration import registered
from geosar_training.settings import load_config


@click.command()
@click.argument("config", type=FILE)
@pairs_option
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    required=True,
    help="Folder for checkpoints, logs and previews; a run found there is resumed.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(exists=True, path_type=Path),
    help="Checkpoint of an earlier stage, or the folder of a packaged model, to start from.",
)
@click.option(
    "--dates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of places on several dates: manifest.csv, sar_DATE/ for each, mask/ of what changed.",
)
@click.option("--leave-out", "left_out", multiple=True, help="Source whose pairs are not trained on; may be repeated.")
@click.option("--set", "changes", multiple=True, help="A setting instead of the file's, as weights.luma=2; repeatable.")
@click.option("--updates", type=click.IntRange(min=1), help="Overrides the settings file.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after so many, if not before.")
@click.option("--seed", type=click.IntRange(min=0), help="Overrides the settings file.")
@click.option("--precision", type=click.Choice(get_args(Precision)), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes that cut crops.")
@click.option(
    "--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, or cards, a node."
)
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Machines, under torchrun.")
@threads_option
def fit(
    *,
    config: Path,
    folders: tuple[Path, ...],
    output: Path,
    start: Path | None,
    dates: Path | None,
    left_out: tuple[str, ...],
    changes: tuple[str, ...],
    updates: int | None,
    minutes: float | None,
    seed: int | None,
    precision: Precision,
    workers: int,
    devices: int,
    nodes: int,
    threads: int | None,
) -> None:
    """Train by the settings in CONFIG; stop with Ctrl-C and give the same command again to go on."""
    use_threads(threads)
    with plain_errors():
        settings = load_config(config, changes, updates=updates, seed=seed, left_out=list(left_out) or None)
        pairs = read_for(settings, folders)
        _check_sources(settings, pairs)
        places = [*(read_places(dates) if dates else ()), *places_among(pairs, settings.places_of_pairs)]
        if settings.register:
            pairs = registered(pairs)
        trainer = Trainer(
            settings, pairs, output, places=places, precision=precision, workers=workers, devices=devices, nodes=nodes
        )
        last = output / "last.pt"
        if last.exists():
            notes = trainer.resume(last)
            click.echo(f"Resuming at update {trainer.update}.")
            for words in notes:
                click.echo(f"Note: {words}.", err=True)
        elif start:
            trainer.start_from(start)
        if trainer.update >= settings.updates:
            click.echo(f"All {settings.updates} updates are done; give more with --updates.")
            return
        if trainer.validation is None or not trainer.validation.over:
            trainer.fit(None if minutes is None else 60 * minutes)
    _tell_end(trainer)


def _tell_end(trainer: Trainer) -> None:
    best = trainer.validation
    if best is not None and best.best_update:
        click.echo(f"The best is {best.words}: {trainer.folder / 'best.pt'}.")
    if best is not None and best.over:
        click.echo(f"It got no better for {best.waited} scores, as many as patience waits for; set it higher to go on.")
    elif trainer.stopping:
        click.echo(f"Stopped after update {trainer.update}; give the same command again to go on.")


def _check_sources(settings: Config, pairs: list[Pair]) -> None:
    """Raise ConfigError for sources to leave out that are not there; weights of such are noted."""
    if strange := unknown_sources(settings.left_out, pairs):
        raise ConfigError(f"No pair is of the source {', '.join(strange)}, which is to be left out.")
    if strange := unknown_sources(settings.source_weights, pairs):
        click.echo(f"Note: source_weights names sources that no pair has: {', '.join(strange)}.", err=True)
