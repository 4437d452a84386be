"""Options that commands share, and how their errors reach the user."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import torch

from geosar.errors import GeosarError
from geosar_training.config import Config
from geosar_training.errors import PairsError, TrainingError
from geosar_training.pairs.pair import Pair, in_decibels, read_pairs

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

pairs_option = click.option(
    "--pairs",
    "folders",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help="Folder with manifest.csv, sar/ and opt/; may be given again (grey optical too).",
)
threads_option = click.option("--threads", type=click.IntRange(min=1), help="Processor threads of torch.")


def use_threads(threads: int | None) -> None:
    """Bound torch's threads, where a number was given."""
    if threads is not None:
        torch.set_num_threads(threads)


def read_all(
    folders: Sequence[Path], polarisations: Sequence[str] = (), *, calibrated: bool = False, together: bool = False
) -> list[Pair]:
    """Read the pairs of all folders; where `calibrated`, also `in_decibels` (PairsError when none has them).

    `together`, pairs of one polarisation are read as well, and decibels of both as one pair.
    """
    pairs, extra = list[Pair](), list[Pair]()
    for folder in folders:
        of_folder = read_pairs(folder, polarisations=() if together else polarisations)
        pairs += of_folder
        extra += in_decibels(of_folder, folder, together=together) if calibrated else []
    if calibrated and not extra:
        raise PairsError(
            f"The settings ask for calibrated pairs, and none of {', '.join(map(str, folders))} has a pair's VV or VH "
            "in sar_db/NAME.tif. Add the decibels, or set calibrated to false."
        )
    return pairs + extra


def read_for(config: Config, folders: Sequence[Path]) -> list[Pair]:
    """Read the pairs that these settings take."""
    return read_all(folders, config.polarisations, calibrated=config.calibrated, together=config.declares_missing)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a user can mend into one line; a fault of our own keeps its traceback."""
    try:
        yield
    except (GeosarError, TrainingError, OSError) as error:
        raise click.ClickException(str(error)) from error
