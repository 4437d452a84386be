"""What a raster names before GDAL has read it: files that GDAL or PROJ would open while they open the raster.

An Erdas Imagine file names those that hold its pixels and overviews. A CRS names grids of datum shifts, which PROJ
looks for wherever their path leads. Both happen on opening, so the bytes are looked through first.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from typing import IO

from geosar.errors import SceneReadError

TEXT_LIMIT = 16 * 2**20
"""Bytes of a text that is looked through; a longer one is refused."""

_GRIDS = re.compile(
    rb'proj4_grids|parameterfile|proj-based|proj4"?\s*,\s*"[^"]*(?<!\w)(?:\w*grids|init|file|model)\s*=\s*(?!@null)',
    re.IGNORECASE,
)
_GEO_ASCII, _GDAL_METADATA = 34737, 42112
_TIFF_WIDTHS = {1: 1, 2: 1, 6: 1, 7: 1, 3: 2, 8: 2, 4: 4, 9: 4, 11: 4, 13: 4}
_TIFF_ENTRIES = 4096
_TIFF_DIRECTORIES = 4096
_NO_FILE_BYTES = 2**62
_GEOJP2 = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
_JP2_HEADER = struct.Struct(">I4sQ")
_HFA_ENTRY = struct.Struct("<6I64s32s")
_HFA_ENTRIES = 2**16
_HFA_BLOCKS = b"edms_state"
# Entries that hold the name of the file of the pixels. Of the names of other files GDAL leaves out the folder.
_HFA_PIXELS = frozenset({b"externalrasterdms", b"imgexternalraster"})


def check_bytes(file: IO[bytes], driver: str, printable: str, *, every_page: bool = False) -> None:
    """Raise `SceneReadError` where a raster of that driver names a file that does not lie beside it.

    Of a TIFF the first page is looked through, or `every_page`.
    """
    try:
        texts = _texts_of_pages(file) if every_page else _TEXTS.get(driver, _no_texts)(file)
        for text in texts:
            check_crs(text, printable)
        for name in _files_of_hfa(file) if driver == "HFA" else ():
            if b"/" in name or b"\\" in name:
                raise _leads_away(printable, name)
    except _DamagedError as error:
        raise SceneReadError(f"{printable} is damaged: {error}. Fetch it again, or write it anew.") from error


def check_crs(text: bytes, printable: str) -> None:
    """Raise `SceneReadError` where a CRS, or a text that holds one, names a grid file for PROJ."""
    if len(text) > TEXT_LIMIT:
        raise SceneReadError(f"{printable} has a text of more than {TEXT_LIMIT} bytes about itself; expected a few.")
    if match := _GRIDS.search(text):
        raise _leads_away(printable, text[match.start() : match.start() + 80])


def _leads_away(printable: str, name: bytes) -> SceneReadError:
    shown = name.decode("latin-1").strip()[:80]
    return SceneReadError(
        f"{printable} names another file ({shown!r}), which is not followed; expected a raster that stands alone. "
        "Do not trust it, or write it anew with `gdal_translate`.",
    )


def _no_texts(_: IO[bytes]) -> Iterator[bytes]:
    return iter(())


class _DamagedError(Exception):
    """A structure that cannot be followed to its end, and so may hide what is looked for."""


def metadata_of_tiff(file: IO[bytes]) -> bytes:
    """Return the text in which GDAL keeps the metadata of a TIFF's first directory; nothing where there is none."""
    return next(_texts_of_tiff(file, _GDAL_METADATA), b"")


def _texts_of_tiff(file: IO[bytes], tag: int = _GEO_ASCII) -> Iterator[bytes]:
    """Return the texts of one tag of a TIFF's first directory; by default those that GDAL takes a CRS from."""
    return next(_directories(file, tag))


def _texts_of_pages(file: IO[bytes]) -> Iterator[bytes]:
    return (text for texts in _directories(file, _GEO_ASCII) for text in texts)


def _directories(file: IO[bytes], tag: int) -> Iterator[Iterator[bytes]]:
    """Return the texts of one tag, of each directory of a TIFF."""
    header = _read(file, 0, 16).ljust(16, b"\0")
    order = "<" if header[:2] == b"II" else ">"
    big = header[2:4] in (b"+\0", b"\0+")
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    offset = struct.Struct(order + ("Q" if big else "I"))
    count = struct.Struct(order + ("Q" if big else "H"))
    (place,) = offset.unpack_from(header, 8 if big else 4)
    seen: set[int] = set()
    while not seen or (place and place not in seen):
        seen.add(place)
        if len(seen) > _TIFF_DIRECTORIES:
            raise _DamagedError(f"it has more than {_TIFF_DIRECTORIES} pages")
        (entries,) = count.unpack(_read(file, place, count.size).ljust(count.size, b"\0"))
        directory = _read(file, place + count.size, min(entries, _TIFF_ENTRIES) * entry.size)
        yield _texts_in(file, directory[: len(directory) // entry.size * entry.size], entry, offset, tag)
        (place,) = offset.unpack(
            _read(file, place + count.size + entries * entry.size, offset.size).ljust(offset.size, b"\0")
        )


def _texts_in(
    file: IO[bytes], directory: bytes, entry: struct.Struct, offset: struct.Struct, wanted_tag: int
) -> Iterator[bytes]:
    for tag, kind, length, value in entry.iter_unpack(directory):
        if tag == wanted_tag:
            size = min(length * _TIFF_WIDTHS.get(kind, 8), TEXT_LIMIT + 1)
            yield value[:size] if size <= offset.size else _read(file, offset.unpack(value)[0], size)


def _texts_of_jp2(file: IO[bytes]) -> Iterator[bytes]:
    """Return the texts that GDAL takes a CRS from: those of the small GeoTIFFs in boxes of their own."""
    place = 0
    while len(header := _read(file, place, 32)) > _JP2_HEADER.size:
        size, kind, extended = _JP2_HEADER.unpack_from(header)
        used = 16 if size == 1 else 8
        size = extended if size == 1 else size
        if kind == b"uuid" and header[used:].startswith(_GEOJP2):
            length = size - used - len(_GEOJP2) if size else TEXT_LIMIT + 1
            content = _read(file, place + used + len(_GEOJP2), min(length, TEXT_LIMIT + 1))
            if len(content) > TEXT_LIMIT:
                raise _DamagedError(f"it says where it lies in more than {TEXT_LIMIT} bytes")
            yield from _texts_of_tiff(io.BytesIO(content))
        if size < used:  # the last one reaches to the end of the file, and says nothing of its size
            return
        place += size


def _texts_of_hfa(file: IO[bytes]) -> Iterator[bytes]:
    return (data for _, data in _entries_of_hfa(file))


def _files_of_hfa(file: IO[bytes]) -> Iterator[bytes]:
    """Return the names of files that hold an Erdas Imagine file's pixels, and what else is text in those entries."""
    for names, data in _entries_of_hfa(file):
        if names & _HFA_PIXELS:
            yield from re.findall(rb"[ -~\x80-\xff]{2,}", data)


def _entries_of_hfa(file: IO[bytes]) -> Iterator[tuple[set[bytes], bytes]]:
    """Return name and type (lower case), and the data, of each entry of an Erdas Imagine file but its lists of blocks.

    They form a tree of entries of 128 bytes, whose root the header tells.
    """
    waiting = [_uint32(file, _uint32(file, 16) + 8)]
    seen: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place == 0 or place in seen:
            continue
        seen.add(place)
        if len(seen) > _HFA_ENTRIES:
            raise _DamagedError(f"it has more than {_HFA_ENTRIES} entries")
        entry = _read(file, place, _HFA_ENTRY.size).ljust(_HFA_ENTRY.size, b"\0")
        following, _, _, child, data, size, *words = _HFA_ENTRY.unpack(entry)
        waiting += [following, child]
        name, kind = (word.partition(b"\0")[0].lower() for word in words)
        if kind != _HFA_BLOCKS:
            yield {name, kind}, _read(file, data, min(size, TEXT_LIMIT + 1))


def _uint32(file: IO[bytes], place: int) -> int:
    return int.from_bytes(_read(file, place, 4), "little")


def _read(file: IO[bytes], place: int, size: int) -> bytes:
    """Return what there is at a place, nothing beyond the end of the file."""
    if place >= _NO_FILE_BYTES:
        return b""
    file.seek(place)
    return file.read(size)


_TEXTS: dict[str, Callable[[IO[bytes]], Iterator[bytes]]] = {
    "GTiff": _texts_of_tiff,
    "JP2OpenJPEG": _texts_of_jp2,
    "HFA": _texts_of_hfa,
}
