"""The sink: blocks in, a valid Cloud-Optimized GeoTIFF out, published by one atomic rename."""

import errno
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal, Self

import numpy as np

from geosar.cog.compression import TileEncoder, codec_version, pack_seed, unpack_seed
from geosar.cog.overviews import Pixels, Samples, Valid, build_tile, cleared, halve
from geosar.cog.pyramid import Pyramid
from geosar.cog.spool import Record, Spool
from geosar.cog.tiff import Layout, SampleType, descriptive_tags, framed, lay_out
from geosar.errors import TargetExistsError, UsageError
from geosar.grid import MapGrid, Window, windows
from geosar.image_place import ImagePlace
from geosar.publish import flush, target_error, target_errors
from geosar.vocabulary import Compression

_MEGABYTE = 1_000_000
_BANDS = {("uint8", "grey"): {1}, ("uint8", "rgb"): {3}, ("float32", "grey"): {1, 2}}


class CogSink:
    """
    Takes the windows of an image in any order, from any thread, and publishes them as one COG.

    Every tile is compressed once, in the thread that brings it, into a spool beside the target, which is
    also the journal that a later run resumes from. The target appears, whole and validated, on `close`; until
    then an old file of that name stays as it was. The bytes depend on the windows' content alone.

    Parameters
    ----------
    path
        The file to publish, in an existing folder.
    grid
        CRS, transform and size of the image.
    bands, colour, dtype
        1 and "grey", or 3 and "rgb", of "uint8"; 1 or 2 and "grey" of "float32" (measured values, as decibels).
    compress, quality
        "zstd", "deflate", "lzw" (lossless), and for uint8 "jpeg" or "webp" (lossy, with `quality` 1 to 100).
    tile
        Side of a tile in pixels.
    window_size
        Side of the windows that `write` will be given, a multiple of 4 tiles; see `geosar.grid.windows`.
    resume
        Go on from the spool of an earlier, unfinished run, if there is one with the same `plan`.
    overwrite
        Replace a file of that name.
    plan
        What identifies the job; ResumeError tells where it differs from that of the spool.
    tags, band_names, scales, offsets, units
        Metadata of the file and of its bands.

    Raises
    ------
    TargetError, TargetExistsError, ResumeError, UsageError

    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        grid: MapGrid,
        *,
        bands: int,
        dtype: SampleType = "uint8",
        compress: str = Compression.ZSTD,
        quality: int = 90,
        tile: int = 512,
        window_size: int = 2048,
        resume: bool = False,
        overwrite: bool = False,
        plan: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        band_names: Sequence[str] = (),
        colour: Literal["rgb", "grey"] = "rgb",
        scales: Sequence[float] | None = None,
        offsets: Sequence[float] | None = None,
        units: Sequence[str] | None = None,
        place: ImagePlace | None = None,
    ) -> None:
        if bands not in _BANDS.get((dtype, colour), ()):
            raise UsageError(
                f"colour {colour!r} does not go with {bands} bands of {dtype}; expected uint8 with 1 band (grey) or "
                "3 (rgb), or float32 with 1 or 2 bands (grey)"
            )
        if band_names and len(band_names) != bands:
            raise UsageError(f"{len(band_names)} band names for {bands} bands: {list(band_names)}")
        self.path = Path(path).absolute()
        self.grid = grid
        self.window_size = window_size
        self._encoder = TileEncoder(compress, bands=bands, tile=tile, quality=quality, dtype=dtype)
        if window_size <= 0 or window_size % (4 * tile):
            raise UsageError(f"window size is {window_size}; it must be a multiple of 4 tiles, {4 * tile}")
        self._overwrite = overwrite
        self._pyramid = Pyramid(grid.width, grid.height, tile)
        self._windows = {(each.col_off, each.row_off): each for each in windows(grid.width, grid.height, window_size)}
        self._lock = Lock()
        self._in_progress: set[tuple[int, int]] = set()
        # Made now, so that tags that GDAL refuses stop a run at its start and not at its end.
        self._descriptive = descriptive_tags(
            crs=grid.crs,
            transform=grid.transform,
            tags=tags or {},
            band_names=tuple(band_names) or ("",) * bands,
            scales=scales,
            offsets=offsets,
            units=units,
            place=place,
        )
        self._check_target()
        identity = {
            "width": str(grid.width),
            "height": str(grid.height),
            "crs": grid.crs.to_wkt() if grid.crs is not None else "none",
            "transform": json.dumps(tuple(grid.transform)[:6]),
            "bands": str(bands),
            "compression": str(self._encoder.compression),
            "quality": "lossless" if self._encoder.compression.lossless else str(quality),
            "tile": str(tile),
            "window size": str(window_size),
            "codec": codec_version(),
            # Spools from before there was a choice have no such line, and still resume.
            **({} if dtype == "uint8" else {"dtype": dtype}),
            **{f"plan {key}": value for key, value in (plan or {}).items()},
        }
        folder = self.path.with_name(f".{self.path.name}.geosar-part")
        with target_errors(self.path, lambda: "the spool could not even be begun"):
            self._spool = Spool(folder, identity, resume=resume)
        self._assembled = folder / "assembled.tif"
        self._prepared = False
        for record in self._spool.records.values():
            self._place(record)

    @property
    def finished(self) -> frozenset[tuple[int, int]]:
        """(col_off, row_off) of the windows that are safely in the journal."""
        return frozenset(self._spool.records)

    def write(self, window: Window, pixels: Samples, valid: Valid) -> None:
        """
        Take one window.

        Parameters
        ----------
        window
            One of `geosar.grid.windows(width, height, window_size)`.
        pixels
            `dtype` (height, width, bands). What lies where `valid` is False is not kept. NaN and infinity are
            refused where it is True: `valid` alone says what was measured, and one NaN would spread through
            every overview above it.
        valid
            bool (height, width).

        """
        shape = (window.height, window.width)
        dtype = self._encoder.dtype
        if pixels.dtype != np.dtype(dtype) or pixels.shape != (*shape, self._encoder.bands):
            raise UsageError(
                f"window {window} was given {pixels.dtype} {pixels.shape}; "
                f"expected {dtype} {(*shape, self._encoder.bands)}"
            )
        if valid.dtype != np.bool_ or valid.shape != shape:
            raise UsageError(f"window {window} was given a mask {valid.dtype} {valid.shape}; expected bool {shape}")
        if not valid.any():
            self.write_empty(window)
            return
        block = Pixels(pixels, None)
        if not valid.all():
            pixels = cleared(pixels, valid)
            block = Pixels(pixels, valid)
        if dtype == "float32":
            _check_finite(window, pixels)
        self._append(window, self._pieces(block))

    def write_empty(self, window: Window) -> None:
        """Take one window that holds no data; it takes no space."""
        self._append(window, [b""] * self._pyramid.pieces_of(window))

    def prepare(self) -> None:
        """
        Make the deeper overviews, write the whole file beside the target, and validate it.

        `close` does this if it was not done; apart, it lets several outputs be ready before any appears.
        Raises UsageError where windows are missing, and TargetError where the file cannot be written; the
        spool is then kept.
        """
        missing = self._windows.keys() - self.finished
        if missing:
            raise UsageError(
                f"{len(missing)} of {len(self._windows)} windows were not written, first {min(missing)}; "
                "write all of them before closing, or abandon the output"
            )
        with target_errors(self.path, self._needed):
            self._build_deeper_overviews()
            layout = lay_out(self._pyramid.levels(), self._encoder.image_format, self._descriptive)
            self._check_free(layout.size)
            self._assemble(layout)
            self._validate()
        self._prepared = True

    def close(self) -> Path:
        """Publish the file under its name, having prepared it, and remove the spool; see `prepare`."""
        if not self._prepared:
            self.prepare()
        with target_errors(self.path, self._needed):
            self._check_target()
            self._assembled.replace(self.path)
            flush(self.path.parent)
        self._spool.close(remove=True)
        return self.path

    def abandon(self, *, keep: bool) -> None:
        """Stop without publishing; `keep` leaves the spool for a later run with `resume`."""
        self._spool.close(remove=not keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._spool.closed:
            try:
                self.close()
            except BaseException:
                self.abandon(keep=True)
                raise
        else:
            self.abandon(keep=bool(self.finished))

    # Windows, as they come

    def _pieces(self, block: Pixels) -> list[bytes]:
        """Cut and compress a window: tiles of its levels, image and mask by turns, then the seeds."""
        pieces: list[bytes] = []
        seeds: list[bytes] = []
        tile = self._encoder.tile
        pyramid = self._pyramid
        for level in range(min(pyramid.base, pyramid.top) + 1):
            if level:
                block = halve(*block)
            pixels, valid = block
            for top in range(0, pixels.shape[0], tile):
                for left in range(0, pixels.shape[1], tile):
                    place = np.s_[top : top + tile, left : left + tile]
                    part = _trimmed(pixels[place], None if valid is None else valid[place])
                    pieces += self._framed(part)
                    if level == pyramid.base and pyramid.seeded:
                        seeds.append(pack_seed(*part) if part else b"")
        return pieces + seeds

    def _framed(self, part: Pixels | None) -> tuple[bytes, bytes]:
        if part is None:
            return b"", b""
        pixels, valid = part
        image, mask = self._encoder.encode(pixels), self._encoder.encode_mask(valid)
        return b"".join(framed(image)), b"".join(framed(mask))

    def _append(self, window: Window, pieces: list[bytes]) -> None:
        key = (window.col_off, window.row_off)
        if self._windows.get(key) != window:
            raise UsageError(f"{window} is none of the windows of {self.window_size} pixels of this image")
        with self._lock:
            if key in self._in_progress or key in self._spool.records:
                raise UsageError(f"{window} was written before; skip what `finished` holds")
            self._in_progress.add(key)
        try:
            with target_errors(self.path, self._needed):
                self._place(self._spool.append(key, pieces))
        finally:
            with self._lock:
                self._in_progress.discard(key)

    def _place(self, record: Record) -> None:
        window = self._windows[record.col_off, record.row_off]
        self._pyramid.enter_window(window, record.offset, record.pieces)

    # The end

    def _build_deeper_overviews(self) -> None:
        pyramid = self._pyramid
        if not pyramid.seeded:
            return

        def fetch(row: int, column: int) -> Pixels | None:
            offset, size = pyramid.seed(row, column)
            if not size:
                return None
            packed = self._spool.read(offset, size)
            return unpack_seed(packed, *pyramid.seed_shape(row, column), self._encoder.bands, self._encoder.dtype)

        def emit(level: int, row: int, column: int, block: Pixels) -> None:
            image, mask = self._framed(block)
            offset = self._spool.append_unjournalled(image + mask)
            pyramid.enter_tile(level, row, column, offset=offset, image=len(image), mask=len(mask))

        build_tile(
            pyramid.top,
            0,
            0,
            base=pyramid.base,
            sizes=pyramid.sizes,
            tile=pyramid.tile,
            fetch=fetch,
            emit=emit,
        )

    def _assemble(self, layout: Layout) -> None:
        descriptor = os.open(self._assembled, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            view = memoryview(layout.header)
            while view:
                view = view[os.write(descriptor, view) :]
            for offset, size in self._pyramid.in_file_order():
                self._spool.copy_to(descriptor, offset, size)
            os.fsync(descriptor)
            if os.fstat(descriptor).st_size != layout.size:
                written = os.fstat(descriptor).st_size
                raise target_error(errno.EIO, f"{self.path} came to {written} bytes instead of {layout.size}")
        finally:
            os.close(descriptor)

    def _validate(self) -> None:
        from rio_cogeo.cogeo import cog_validate  # noqa: PLC0415 - takes a third of a second to import

        valid, errors, warnings = cog_validate(self._assembled, strict=True, quiet=True)
        if not valid:
            problems = "; ".join([*errors, *warnings])
            raise target_error(errno.EIO, f"the file made for {self.path} is no valid COG: {problems}")

    def _check_target(self) -> None:
        if not self.path.parent.is_dir():
            raise target_error(errno.ENOENT, f"the folder {self.path.parent} does not exist; make it first")
        if self.path.is_dir():
            raise target_error(errno.EISDIR, f"{self.path} is a folder; give the name of a file")
        if self.path.exists() and not self._overwrite:
            error = TargetExistsError(f"{self.path} exists; choose another name, or ask to overwrite it")
            error.errno = errno.EEXIST
            raise error

    def _check_free(self, size: int) -> None:
        free = shutil.disk_usage(self._spool.folder).free
        if free < size:
            raise OSError(errno.ENOSPC, "No space left on device")

    def _needed(self) -> str:
        records = list(self._spool.records.values())
        done = sum(self._windows[record.col_off, record.row_off].area for record in records)
        spooled = sum(record.size for record in records) / _MEGABYTE
        free = shutil.disk_usage(self.path.parent).free / _MEGABYTE
        if not done:
            return f"the first window alone takes {self._spool.size / _MEGABYTE:.1f} MB, {free:.1f} MB are free"
        whole = spooled * self.grid.width * self.grid.height / done
        return (
            f"about {2 * whole:.1f} MB are needed in all (unfinished and finished file stand side by side), "
            f"{spooled:.1f} MB of them are written, {free:.1f} MB are free"
        )


def _check_finite(window: Window, pixels: Samples) -> None:
    finite = np.isfinite(pixels)
    if not finite.all():
        count = np.count_nonzero(~finite.all(axis=-1))
        raise UsageError(
            f"window {window} has {count} pixels that are NaN or infinite but marked as valid; "
            "expected finite values, so mark those pixels as invalid"
        )


def _trimmed(pixels: Samples, valid: Valid | None) -> Pixels | None:
    """Return a tile's block with None for an all-valid mask, so that it does not depend on its neighbours."""
    if valid is None or valid.all():
        return Pixels(pixels, None)
    return Pixels(pixels, valid) if valid.any() else None
