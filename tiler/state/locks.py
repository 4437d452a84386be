"""Locks on files and folders that end with the life of their holder, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for the lock on a file, which is made where there is none, and hold it for the block; raises OSError.

    A file system without locks gives none; there, one process alone may use the store.
    """
    with path.open("ab") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(folder: Path) -> int | None:
    """Lock a folder that was just made; returns the descriptor that holds it, None where it is gone or not ours."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    locked = _locked(descriptor)
    # Somebody who looked whether it is abandoned may hold it for a moment, or have taken it away.
    if locked is False or not folder.exists():
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def free(path: Path) -> Iterator[bool | None]:
    """Tell for the block whether nobody holds a folder or file, None where nobody knows; nobody can take it then."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield False  # it is gone
        return
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True
