"""The bytes of a Cloud-Optimized GeoTIFF: header, directories, and where each tile lies; no pixels."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile

from geosar.image_place import ImagePlace

LEADER = 4
"""Bytes in front of a tile (its size) and behind it (its last four again), as GDAL's ghost area says."""

SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16
_SIZE_OF_TYPE = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    16: 8,
    17: 8,
    18: 8,
}
_CLASSIC_LIMIT = 2**32

SampleType = Literal["uint8", "float32"]
_BITS_AND_FORMAT = {"uint8": (8, 1), "float32": (32, 3)}
_MIN_IS_BLACK = 1

_TILE_OFFSETS, _TILE_BYTE_COUNTS = 324, 325
# What describes the layout of pixels is ours; the rest of a template's tags say where and what the image is.
_STRUCTURAL = frozenset(
    {
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        266,
        273,
        274,
        277,
        278,
        279,
        284,
        317,
        322,
        323,
        324,
        325,
        338,
        339,
        347,
    }
)

_GHOST = (
    "LAYOUT=IFDS_BEFORE_DATA\n"
    "BLOCK_ORDER=ROW_MAJOR\n"
    "BLOCK_LEADER=SIZE_AS_UINT4\n"
    "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n"
    "KNOWN_INCOMPATIBLE_EDITION=NO\n "
    "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
)


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of a directory: code, field type, count, and its values as little-endian bytes."""

    code: int
    kind: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Level:
    """
    One resolution: its size in pixels and the compressed sizes of its tiles.

    `image_bytes` and `mask_bytes` are (tiles down, tiles across), 0 where a tile is left out (no data).
    """

    width: int
    height: int
    image_bytes: NDArray[np.uint32]
    mask_bytes: NDArray[np.uint32]

    def stored_bytes(self) -> NDArray[np.int64]:
        """Return what each tile takes in the file: image and mask, each with leader and trailer."""
        image, mask = self.image_bytes.astype(np.int64), self.mask_bytes.astype(np.int64)
        return np.where(image > 0, image + 2 * LEADER, 0) + np.where(mask > 0, mask + 2 * LEADER, 0)


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """What the directories say of the pixels: `bands` of `dtype` in tiles of `tile` pixels, TIFF's own codes."""

    bands: int
    tile: int
    compression: int
    photometric: int
    predictor: int
    chroma_subsampled: bool = False
    dtype: SampleType = "uint8"


def shorts(code: int, *values: int) -> Tag:
    """Make a tag of 16-bit numbers."""
    return Tag(code, SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(code: int, *values: int) -> Tag:
    """Make a tag of 32-bit numbers."""
    return Tag(code, LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def framed(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Put GDAL's leader and trailer around a compressed tile."""
    return struct.pack("<I", len(payload)), payload, payload[-LEADER:].rjust(LEADER, b"\0")


def read_tags(content: bytes) -> dict[int, Tag]:
    """Read the first directory of a little-endian classic TIFF that is held in memory."""
    magic, version, start = struct.unpack_from("<2sHI", content)
    if (magic, version) != (b"II", 42):
        raise ValueError(f"expected a little-endian classic TIFF, found {content[:4]!r}")
    (entries,) = struct.unpack_from("<H", content, start)
    tags = {}
    for index in range(entries):
        where = start + 2 + 12 * index
        code, kind, count = struct.unpack_from("<HHI", content, where)
        size = _SIZE_OF_TYPE[kind] * count
        position = where + 8 if size <= 4 else struct.unpack_from("<I", content, where + 8)[0]
        tags[code] = Tag(code, kind, count, content[position : position + size])
    return tags


def descriptive_tags(
    *,
    crs: CRS | None,
    transform: Affine,
    tags: Mapping[str, str],
    band_names: Sequence[str],
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str] | None = None,
    place: ImagePlace | None = None,
) -> list[Tag]:
    """
    Let GDAL write georeferencing, metadata and band names into a file of one pixel, and take its tags.

    So they read back bit for bit as if GDAL had written the whole file.
    """
    bands = len(band_names)
    profile = {"driver": "GTiff", "width": 1, "height": 1, "count": bands, "dtype": "uint8"}
    if bands == 3:
        profile["photometric"] = "RGB"
    if crs is not None:
        profile["crs"] = crs
    if crs is not None or not transform.is_identity:
        profile["transform"] = transform
    with MemoryFile() as memory:
        with memory.open(**profile, ENDIANNESS="LITTLE") as dataset:
            if place is not None and place.points:
                dataset.gcps = list(place.points), place.crs
            elif place is not None:
                dataset.rpcs = place.rpc
            dataset.update_tags(**tags)
            dataset.descriptions = tuple(band_names)
            if scales is not None:
                dataset.scales = tuple(scales)
            if offsets is not None:
                dataset.offsets = tuple(offsets)
            if units is not None:
                dataset.units = tuple(units)
        content = bytes(memory.getbuffer())
    return [tag for code, tag in sorted(read_tags(content).items()) if code not in _STRUCTURAL]


@dataclass(frozen=True, slots=True)
class Layout:
    """A laid-out file: its header, its size in bytes, and whether it is a BigTIFF."""

    header: bytes
    size: int
    big: bool


def lay_out(
    levels: Sequence[Level], image: ImageFormat, descriptive: Sequence[Tag], *, big: bool | None = None
) -> Layout:
    """
    Write the header of a COG whose tiles follow it, smallest level first, row by row, image before mask.

    Parameters
    ----------
    levels
        From full resolution to the smallest overview.
    image
        What the pixels are.
    descriptive
        Tags of the full resolution beyond those of the layout.
    big
        BigTIFF or classic; None takes BigTIFF only for a file that needs it (4 GiB and more).

    """
    data = sum(int(level.stored_bytes().sum()) for level in levels)
    if big is None:
        trial = _header(levels, image, descriptive, big=False)
        big = len(trial) + data >= _CLASSIC_LIMIT
        header = _header(levels, image, descriptive, big=True) if big else trial
    else:
        header = _header(levels, image, descriptive, big=big)
    return Layout(header, len(header) + data, big)


def _header(levels: Sequence[Level], image: ImageFormat, descriptive: Sequence[Tag], *, big: bool) -> bytes:
    directories: list[list[Tag]] = []
    for index, level in enumerate(levels):
        directories.append(_image_directory(level, image, descriptive if index == 0 else (), overview=index > 0))
        directories.append(_mask_directory(level, image.tile, overview=index > 0))
    # Once with offsets of nothing to learn the header's size, which does not depend on their values.
    placeholder = _serialise(directories, [_nowhere(level) for level in levels for _ in range(2)], big=big)
    return _serialise(directories, _tile_offsets(levels, len(placeholder)), big=big)


def _nowhere(level: Level) -> NDArray[np.int64]:
    return np.zeros(level.image_bytes.size, np.int64)


def _tile_offsets(levels: Sequence[Level], start: int) -> list[NDArray[np.int64]]:
    offsets: list[NDArray[np.int64]] = []
    position = start
    for level in reversed(levels):
        stored = level.stored_bytes().ravel()
        ends = position + np.cumsum(stored)
        image, mask = level.image_bytes.ravel(), level.mask_bytes.ravel()
        at_image = ends - stored + LEADER
        at_mask = ends - mask - LEADER
        offsets = [np.where(image > 0, at_image, 0), np.where(mask > 0, at_mask, 0), *offsets]
        position = int(ends[-1])
    return offsets


def _image_directory(level: Level, image: ImageFormat, descriptive: Sequence[Tag], *, overview: bool) -> list[Tag]:
    bits, sample_format = _BITS_AND_FORMAT[image.dtype]
    beyond_grey = image.bands - 1 if image.photometric == _MIN_IS_BLACK else 0
    tags = [
        longs(254, 1 if overview else 0),
        longs(256, level.width),
        longs(257, level.height),
        shorts(258, *[bits] * image.bands),
        shorts(259, image.compression),
        shorts(262, image.photometric),
        shorts(277, image.bands),
        shorts(284, 1),
        *([shorts(317, image.predictor)] if image.predictor != 1 else []),
        shorts(322, image.tile),
        shorts(323, image.tile),
        _counts(level.image_bytes),
        *([shorts(338, *[0] * beyond_grey)] if beyond_grey else []),
        shorts(339, *[sample_format] * image.bands),
        *descriptive,
    ]
    if image.chroma_subsampled:
        full_range = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
        tags += [shorts(530, 2, 2), Tag(532, RATIONAL, 6, struct.pack("<12I", *full_range))]
    return tags


def _mask_directory(level: Level, tile: int, *, overview: bool) -> list[Tag]:
    return [
        longs(254, 5 if overview else 4),
        longs(256, level.width),
        longs(257, level.height),
        shorts(258, 1),
        shorts(259, 8),
        shorts(262, 4),
        shorts(277, 1),
        shorts(284, 1),
        shorts(322, tile),
        shorts(323, tile),
        _counts(level.mask_bytes),
        shorts(339, 1),
    ]


def _counts(sizes: NDArray[np.uint32]) -> Tag:
    return Tag(_TILE_BYTE_COUNTS, LONG, sizes.size, sizes.astype("<u4").tobytes())


def _serialise(directories: Sequence[Sequence[Tag]], offsets: Sequence[NDArray[np.int64]], *, big: bool) -> bytes:
    """Lay the directories one after the other, then the long arrays of tile places behind them all."""
    word = "Q" if big else "I"
    inline = struct.calcsize(f"<{word}")
    entry_size, count_format = (20, "<Q") if big else (12, "<H")
    ghost = f"GDAL_STRUCTURAL_METADATA_SIZE={len(_GHOST):06d} bytes\n{_GHOST}".encode("ascii")
    opening = 16 if big else 8
    first = _aligned(opening + len(ghost))
    complete = []
    for tags, places in zip(directories, offsets, strict=True):
        kind, dtype = (LONG8, "<u8") if big else (LONG, "<u4")
        # A placeholder pass and a trial of the classic layout may overflow; only a fitting one is kept.
        where = Tag(_TILE_OFFSETS, kind, places.size, places.astype(np.uint64).astype(dtype).tobytes())
        complete.append(sorted([*tags, where], key=lambda tag: tag.code))

    lengths = [struct.calcsize(count_format) + entry_size * len(tags) + inline for tags in complete]
    starts, position = [], first
    for tags, length in zip(complete, lengths, strict=True):
        starts.append(position)
        small = sum(_aligned(len(tag.data)) for tag in tags if len(tag.data) > inline and not _is_place(tag))
        position = _aligned(position + length + small)
    arrays_at = position

    body = bytearray(ghost.ljust(first - opening, b"\0"))
    arrays = bytearray()
    for index, tags in enumerate(complete):
        values = bytearray()
        values_at = starts[index] + lengths[index]
        body += struct.pack(count_format, len(tags))
        for tag in tags:
            body += struct.pack(f"<HH{word}", tag.code, tag.kind, tag.count)
            if len(tag.data) <= inline:
                body += tag.data.ljust(inline, b"\0")
                continue
            store, store_at = (arrays, arrays_at) if _is_place(tag) else (values, values_at)
            body += struct.pack(f"<{word}", store_at + len(store))
            store += tag.data.ljust(_aligned(len(tag.data)), b"\0")
        following = starts[index + 1] if index + 1 < len(starts) else 0
        body += struct.pack(f"<{word}", following) + values
        end = starts[index + 1] if following else arrays_at
        body += b"\0" * (end - opening - len(body))
    start = struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if big else struct.pack("<2sHI", b"II", 42, first)
    return bytes(start + body + arrays)


def _is_place(tag: Tag) -> bool:
    return tag.code in {_TILE_OFFSETS, _TILE_BYTE_COUNTS}


def _aligned(position: int) -> int:
    # Values start on even bytes in TIFF; eight also suits readers that map the file.
    return -(-position // 8) * 8
