"""``geosar-evaluate``: scores networks and packaged models beside the baselines."""

from functools import partial
from pathlib import Path

import click

from training.checkpoint import load_network
from training.commands.options import FOLDER, pairs_option, plain_errors, read_all, threads_option, use_threads
from training.data import Pair, coloured_split
from training.evaluate import Translator, grey_image, markdown, mean_colour, smooth_grey, write_report
from training.evaluate import evaluate as score_all
from training.preview import generate
from training.translators import engine_translators


@click.command()
@click.argument("models", nargs=-1, required=True)
@pairs_option
@click.option("--split", default="val", show_default=True)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the report.")
@threads_option
def evaluate(models: tuple[str, ...], folders: tuple[Path, ...], split: str, output: Path, threads: int | None) -> None:
    """Score MODELS (checkpoints, packaged models by name or folder) beside the baselines."""
    use_threads(threads)
    with plain_errors():
        pairs = read_all(folders)
        chosen = coloured_split(pairs, split)
        translators: dict[str, Translator] = {
            "mean colour": mean_colour(coloured_split(pairs, "train")),
            "grey": grey_image,
            "smooth grey": smooth_grey,
        }
        for model in models:
            translators |= _translators(model, pairs)
        table, pictures = score_all(translators, chosen)
        write_report(output, table, pictures, chosen)
    click.echo(markdown(table))
    click.echo(f"Report, metrics and pictures are in {output}.")


def _translators(model: str, pairs: list[Pair]) -> dict[str, Translator]:
    if not model.endswith(".pt"):
        return engine_translators(model)
    network, _, updates = load_network(Path(model), pairs)
    return {f"{Path(model).resolve().parent.name} ({updates} updates)": partial(generate, network)}
