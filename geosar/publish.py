"""Files that are there when they are whole: written beside their place, flushed to the disk, and renamed."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geosar.errors import TargetError

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def published(path: Path, *, shared: bool = False, lasting: bool = True) -> Iterator[Path]:
    """Return a path beside `path` for the block to write to; it becomes `path` at the end, and is gone if that fails.

    `shared` gives each process and thread a path of its own, where several may write the same at once; else one that
    was left by a writer who died is written over. What is not `lasting` can be made again, and is not waited for until
    it is safe on the disk. Raises OSError.
    """
    own = f"{os.getpid()}.{threading.get_ident()}.part" if shared else "part"
    part = path.with_name(f".{path.name}.{own}")
    try:
        yield part
        if lasting:
            flush(part)
        part.replace(path)
        if lasting:
            flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are safe on the disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def target_error(number: int, message: str) -> TargetError:
    """Make a TargetError whose text is the message alone, with the system's error number beside it."""
    error = TargetError(message)
    error.errno = number
    return error


@contextmanager
def target_errors(path: Path, needed: Callable[[], str]) -> Iterator[None]:
    """Turn an OSError into a TargetError that names the target and, where the disk is full, what it needs."""
    try:
        yield
    except TargetError:
        raise
    except OSError as error:
        number = error.errno or errno.EIO
        if number in DISK_FULL:
            raise target_error(
                number,
                f"no room left on the disk of {path}: {needed()}. Free some space and run again with resume; "
                "what is finished is kept",
            ) from error
        raise target_error(
            number,
            f"cannot write {path}: {error.strerror or error}; "
            "give a file name in an existing folder that you may write to",
        ) from error
