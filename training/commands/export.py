"""``geosar-train export``: makes a packaged model of a checkpoint."""

from pathlib import Path

import click

from geosar.models.publish import check_free, publish_model
from geosar_training.commands.options import (
    FILE,
    FOLDER,
    pairs_option,
    plain_errors,
    read_for,
    threads_option,
    use_threads,
)
from geosar_training.fitting.runs import settings_of
from geosar_training.packaging.export import Tone, export_model
from geosar_training.packaging.writer import Identity
from geosar_training.scoring.table import markdown


@click.command()
@click.argument("checkpoint", type=FILE)
@pairs_option
@click.option("--twin", type=FILE, help="Checkpoint of the L1-only twin, scored beside it.")
@click.option(
    "-o", "--output", type=FOLDER, required=True, help="The model's folder; a packaged model found there is replaced."
)
@click.option("--name", required=True, help="What the model is called.")
@click.option("--version", default="0.1", show_default=True)
@click.option("--title", default="", help="By default the name.")
@click.option("--description", default="", help="One sentence; by default from what the pairs say.")
@click.option("--credit", "credits_", multiple=True, help="Whom the data is owed to; may be repeated.")
@click.option("--credits", "credits_file", type=FILE, help="The same from a text file, one a line.")
@click.option("--licence", default=Identity.licence, show_default=True, help="Of the weights, as Apache-2.0.")
@click.option("--card", type=FILE, help="Model card; {scores}, {updates}, {agreement} are filled in.")
@click.option("--contrast", type=click.FloatRange(0.5, 2), default=1.0, show_default=True, help="Stretches luma.")
@click.option("--saturation", type=click.FloatRange(0, 3), default=1.0, show_default=True, help="Stretches colour.")
@click.option(
    "--brightness", type=click.FloatRange(-50, 50), default=0.0, show_default=True, help="Grey levels added to luma."
)
@click.option("--onnx", is_flag=True, help="Also write the network as ONNX, for other programs.")
@click.option(
    "--publish", "service", metavar="URL", help="Also put it on a running service; its key is taken from GEOSAR_KEY."
)
@threads_option
def export(
    *,
    checkpoint: Path,
    folders: tuple[Path, ...],
    twin: Path | None,
    output: Path,
    name: str,
    version: str,
    title: str,
    description: str,
    credits_: tuple[str, ...],
    credits_file: Path | None,
    licence: str,
    card: Path | None,
    contrast: float,
    saturation: float,
    brightness: float,
    onnx: bool,
    service: str | None,
    threads: int | None,
) -> None:
    """Package CHECKPOINT: int8 and float32 networks, weights, manifest and model card with scores."""
    use_threads(threads)
    with plain_errors():
        if service:
            check_free(name, service)  # before the long work
        listed = [line.strip() for line in credits_file.read_text().splitlines()] if credits_file else []
        credit = (*credits_, *(line for line in listed if line))
        identity = Identity(name, version, title, description, credit, licence)
        report = export_model(
            checkpoint,
            read_for(settings_of(checkpoint), folders),
            output,
            identity=identity,
            twin=twin,
            card=card,
            tone=Tone(contrast, saturation, brightness),
            onnx=onnx,
        )
    click.echo(markdown(report.table))
    click.echo(f"int8 against float32: {report.agreement}")
    click.echo(f"The model is in {output}.")
    if service:
        with plain_errors():
            publish_model(output, service)
        click.echo(f"It is on {service} as {name}: choose it where a scene is translated.")
