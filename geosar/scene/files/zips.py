"""Zips of strangers: opened with a bound on the list of their members, and all that reading them may raise."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path

MOST_DIRECTORY = 4 * 2**20
"""Bytes of the list of members; some 30 000 names. Each takes a kilobyte of memory when it is read."""

UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip
"""What damaged, encrypted and oddly packed zips raise."""


class _File(BufferedReader):
    """A file of which no long part is read at once while it is `bounded`: the list of members is read so."""

    bounded = True

    def read(self, size: int | None = -1, /) -> bytes:
        if self.bounded and size is not None and size > MOST_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members has {size / 2**20:.0f} MiB, at most 4 are read")
        return super().read(size)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip to read it; raises what `UNREADABLE` has, also while it is read."""
    with _File(FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        file.bounded = False
        yield archive
