"""``geosar-train blend``: a network between two, or beyond them."""

from pathlib import Path

import click

from geosar_training.commands.options import FILE, plain_errors
from geosar_training.fitting.averaging import blended
from geosar_training.fitting.checkpoint import read_checkpoint, read_packaged, write_checkpoint


@click.command()
@click.argument("first", type=FILE)
@click.argument("second", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--share", type=click.FloatRange(-1, 2), required=True, help="Of SECOND in the weights; below 0 leads away from it."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Checkpoint.")
def blend(*, first: Path, second: Path, share: float, output: Path) -> None:
    """Write a checkpoint whose generator is between, or beyond, two that were tuned from one, or one from the other.

    FIRST is a checkpoint, SECOND too, or a packaged model's folder. Of an adversarial network and its L1-only twin:
    less detail, and a smaller error; led away from the twin, more of both. It has FIRST's settings, can be scored,
    exported and started from, not resumed.
    """
    with plain_errors():
        if output.exists():
            raise FileExistsError(f"{output} exists; give another file, or remove it.")
        output.parent.mkdir(parents=True, exist_ok=True)
        other = read_packaged(second) if second.is_dir() else read_checkpoint(second)
        write_checkpoint(blended(read_checkpoint(first), other, share), output)
    click.echo(f"{output} has the weights {1 - share:.2f} x {first} {share:+.2f} x {second}.")
