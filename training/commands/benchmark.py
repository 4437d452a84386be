"""``geosar-train benchmark``: every method on the same split and budget."""

import platform
import shlex
import sys
from pathlib import Path
from typing import get_args

import click
import torch

from geosar_training.commands.options import (
    FILE,
    FOLDER,
    pairs_option,
    plain_errors,
    read_all,
    threads_option,
    use_threads,
)
from geosar_training.errors import ConfigError, PairsError
from geosar_training.fitting.trainer import Precision
from geosar_training.pairs.dates import read_places
from geosar_training.pairs.pair import coloured_split
from geosar_training.pairs.registration import registered
from geosar_training.scoring.comparison import (
    Budget,
    default_configs,
    few,
    label_of,
    markdown,
    page,
    run_method,
    score,
    settings_of,
)  # fmt: skip


@click.command()
@pairs_option
@click.option(
    "--dates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Places on several dates, as for `fit`; methods that learn from them are left out without it.",
)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder for the runs; complete ones are not repeated.")
@click.option("--config", "configs", type=FILE, multiple=True, help="Settings files instead of all methods'.")
@click.option("--updates", type=click.IntRange(min=1), default=4000, show_default=True, help="Of each method.")
@click.option("--minutes", type=click.FloatRange(min=0.01), help="End each method's training after so long.")
@click.option("--batch", type=click.IntRange(min=2), help="Crops in an update at most, whatever the settings say.")
@click.option("--register", is_flag=True, help="Score on optical images that were moved onto their radar first.")
@click.option("--short", is_flag=True, help="Tiny networks, few patches, 6 updates: does everything run?")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the page to; by default METHODS.md in the output folder.",
)
@click.option("--precision", type=click.Choice(get_args(Precision)), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes that cut crops.")
@threads_option
def benchmark(
    *,
    folders: tuple[Path, ...],
    dates: Path | None,
    output: Path,
    configs: tuple[Path, ...],
    updates: int,
    minutes: float | None,
    batch: int | None,
    register: bool,
    short: bool,
    report: Path | None,
    precision: Precision,
    workers: int,
    threads: int | None,
) -> None:
    """Train all methods on the same pairs for the same number of updates or time, and compare them."""
    use_threads(threads)
    budget = Budget(6 if short else updates, minutes and minutes * 60, short, batch)
    report = report or output / "METHODS.md"
    with plain_errors():
        groups: dict[str, list[Path]] = {}
        places = read_places(dates) if dates else []
        for path in configs or default_configs():
            if settings_of(path, budget).dates and not places:
                click.echo(f"{path.stem}: left out, as it learns from places on several dates; give them with --dates.")
                continue
            groups.setdefault(label_of(settings_of(path, budget)), []).append(path)
        tables = {}
        for title, paths in groups.items():
            settings = settings_of(paths[0], budget)
            try:
                pairs = read_all(folders, settings.polarisations, together=settings.declares_missing)
            except PairsError as error:
                click.echo(f"{title}: left out. {error}")
                continue
            pairs = few(pairs) if short else pairs
            for split in ("train", "val"):  # what the end needs is asked for before the training
                coloured_split(pairs, split)
            moved = registered(pairs) if register or any(settings_of(path, budget).register for path in paths) else []
            results = []
            for path in paths:
                click.echo(f"{path.stem} ...")
                chosen = moved if settings_of(path, budget).register else pairs
                folder = output / path.stem
                try:
                    results.append(
                        run_method(path, chosen, folder, budget, precision=precision, workers=workers, places=places)
                    )
                except (PairsError, ConfigError) as error:
                    click.echo(f"{path.stem}: left out. {error}")
            if not results:
                continue
            table = score(results, moved if register else pairs, output / title.lower().replace(" ", "-"))
            tables[title] = markdown(results, table, pairs)
            text = page(tables, budget, shlex.join(["geosar-train", *sys.argv[1:]]), _device(), moved=register)
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(text)  # after each set of pairs: the next may be stopped
            click.echo(f"\n## {title}\n\n{tables[title]}")
        if not tables:
            raise PairsError("No method has pairs to be trained on; give other pairs or settings files.")
    click.echo(f"The page is {report}; runs and sheets of pictures are in {output}.")


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads of {platform.machine()}"
