"""``geosar-evaluate structure``: how much of the radar's structure pictures keep."""

from functools import partial
from pathlib import Path

import click

from geosar_training.commands.options import plain_errors, threads_option, use_threads
from geosar_training.fitting.runs import network_in
from geosar_training.inference import generate
from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.dates import read_places
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.structure import structure as measured


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option(
    "--dates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of places on several dates: manifest.csv, sar_DATE/ for each, mask/ of what changed.",
)
@threads_option
def structure(*, models: tuple[str, ...], dates: Path, threads: int | None) -> None:
    """Compare the edges of pictures by MODELS with those that radar shows of the same place on another date.

    MODELS are checkpoints, or packaged models by name or folder. Speckle and what a network makes up agree with
    nothing. The places are those that training leaves out.
    """
    use_threads(threads)
    with plain_errors():
        translators = {model: _translator(model) for model in models}
        scores = measured(translators, read_places(dates, held_out=True))
    click.echo(f"{scores.places} places; by chance {scores.chance:.3f}")
    click.echo("| picture | agreement of edges | share of the radar's |\n|---|---|---|")
    click.echo(f"| the radar itself | {scores.radar:.3f} | 1 |")
    for name, agreement in scores.agreement.items():
        click.echo(f"| {name} | {agreement:.3f} | {scores.kept(name):.3f} |")


def _translator(model: str) -> Translator:
    if model.endswith(".pt"):
        return partial(generate, network_in(Path(model)))
    return engine_translator(model, "int8")
