"""``geosar-train falsecolour``: pairs for a network that makes false colour."""

from pathlib import Path

import click

from geosar_training.commands.options import FOLDER, plain_errors
from geosar_training.preparation.ombria import CLOUDED, make_pairs


@click.command()
@click.argument("ombria", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=FOLDER, required=True, help="A new folder for the pairs.")
@click.option("--true-colour", is_flag=True, help="Estimate green and blue, for pairs of true colour.")
@click.option("--floods", is_flag=True, help="With --true-colour: pairs of the flood as well, its water painted.")
def falsecolour(ombria: Path, output: Path, *, true_colour: bool, floods: bool) -> None:
    """Make pairs of radar and (short-wave infrared, near infrared, red) of the folder OMBRIA."""
    if floods and not true_colour:
        raise click.UsageError("--floods makes pairs of true colour: give --true-colour as well.")
    with plain_errors():
        counts = make_pairs(ombria, output, true_colour=true_colour, floods=floods)
    splits = ", ".join(f"{count} {split}" for split, count in sorted(counts.pairs.items()))
    click.echo(
        f"{splits} pairs are in {output}; {len(counts.clouded)} chips with over {CLOUDED:.0%} of cloud were left out."
    )
