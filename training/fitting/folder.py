"""The folder of a run, which one process at a time writes to."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geosar_training.errors import CheckpointError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run's folder while the block runs; raises CheckpointError where another process does."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckpointError(
                f"Another run trains into {folder}. Wait for its end, stop it, or give another --output."
            ) from error
        yield
