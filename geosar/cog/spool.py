"""The spool: an append-only file of finished blocks with a journal, from which a killed run goes on."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import imagecodecs

from geosar.errors import ResumeError
from geosar.publish import target_error

_FORMAT = "geosar-spool/1"
_CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """
    One finished window: where its bytes lie in the spool, their CRC-32, and the sizes of the pieces.

    `pieces` are the lengths of the pieces in the order in which they were appended.
    """

    col_off: int
    row_off: int
    offset: int
    size: int
    crc: int
    pieces: tuple[int, ...]


class Spool:
    """
    Finished blocks on disk, in `tiles.bin`, and the journal that says which of them are whole.

    A record enters the journal only after its bytes were flushed to the disk; a torn last line, and a record
    whose bytes do not have their checksum, count as not written. Safe to append to from several threads.

    Parameters
    ----------
    folder
        Made if missing; its parent must exist. One process at a time.
    identity
        What the blocks belong to. With `resume`, what an existing journal says must be the same, else
        ResumeError tells the differences. Without `resume` an existing spool is begun anew.

    """

    def __init__(self, folder: Path, identity: Mapping[str, str], *, resume: bool) -> None:
        self.folder = folder
        self.records: dict[tuple[int, int], Record] = {}
        self._lock = Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        folder.mkdir(exist_ok=True)
        self._journal = os.open(folder / "journal.jsonl", flags, 0o666)
        try:
            self._lock_journal()
            self._data = os.open(folder / "tiles.bin", flags, 0o666)
            try:
                self._begin(dict(identity), resume=resume)
            except BaseException:
                os.close(self._data)
                raise
        except BaseException:
            os.close(self._journal)
            raise

    @property
    def size(self) -> int:
        """Bytes in the spool."""
        return self._end

    @property
    def closed(self) -> bool:
        """Whether the spool was released."""
        return self._journal < 0

    def append(self, key: tuple[int, int], pieces: Sequence[bytes]) -> Record:
        """Write the pieces of one window, flush them, and enter them in the journal."""
        payload = b"".join(pieces)
        offset = self._reserve(len(payload))
        self._write(self._data, payload, offset)
        os.fdatasync(self._data)
        sizes = tuple(map(len, pieces))
        record = Record(*key, offset, len(payload), imagecodecs.deflate_crc32(payload), sizes)
        self._enter(asdict(record))
        with self._lock:
            self.records[key] = record
        return record

    def append_unjournalled(self, payload: bytes) -> int:
        """Write bytes that a resumed run makes again, and give their offset."""
        offset = self._reserve(len(payload))
        self._write(self._data, payload, offset)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes back."""
        data = os.pread(self._data, size, offset)
        if len(data) != size:
            raise target_error(errno.EIO, f"the spool is shorter than its journal says ({offset + size} bytes)")
        return data

    def copy_to(self, target: int, offset: int, size: int) -> None:
        """Copy a stretch of the spool to the current position of another file, in the kernel where it can."""
        while size:
            try:
                done = os.copy_file_range(self._data, target, size, offset_src=offset)
            except OSError as error:
                if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
                    raise
                done = os.write(target, self.read(offset, min(size, _CHUNK)))
            if not done:
                raise target_error(errno.EIO, f"the spool is shorter than its journal says ({offset + size} bytes)")
            offset, size = offset + done, size - done

    def close(self, *, remove: bool) -> None:
        """Release the spool and, if asked, delete it."""
        if self._journal < 0:
            return
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._data)
        os.close(self._journal)
        self._journal = -1

    def _lock_journal(self) -> None:
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise target_error(
                errno.EBUSY, f"another run is writing into {self.folder}; wait for it to end, or stop it"
            ) from None

    def _begin(self, identity: dict[str, str], *, resume: bool) -> None:
        lines, good = self._read_journal() if resume else ([], 0)
        if lines:
            _check_identity(lines[0], identity, self.folder)
            for line in lines[1:]:
                record = Record(**{**line, "pieces": tuple(line["pieces"])})
                self.records[record.col_off, record.row_off] = record
            self.records = {key: record for key, record in self.records.items() if self._is_whole(record)}
        self._end = max((record.offset + record.size for record in self.records.values()), default=0)
        os.ftruncate(self._journal, good)
        os.ftruncate(self._data, self._end)
        self._journal_end = good
        if not lines:
            self._enter({"format": _FORMAT, "identity": identity})

    def _read_journal(self) -> tuple[list[dict[str, Any]], int]:
        with os.fdopen(os.dup(self._journal), "rb") as file:
            file.seek(0)
            content = file.read()
        lines: list[dict[str, Any]] = []
        good = 0
        for raw in content.splitlines(keepends=True):
            entry = _parsed(raw)
            if entry is None:
                break
            lines.append(entry)
            good += len(raw)
        return lines, good

    def _is_whole(self, record: Record) -> bool:
        crc, offset, left = 0, record.offset, record.size
        while left:
            data = os.pread(self._data, min(left, _CHUNK), offset)
            if not data:
                return False
            crc = imagecodecs.deflate_crc32(data, crc)
            offset, left = offset + len(data), left - len(data)
        return crc == record.crc

    def _reserve(self, size: int) -> int:
        with self._lock:
            offset = self._end
            self._end += size
        return offset

    def _enter(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, separators=(",", ":"))
        line = json.dumps([imagecodecs.deflate_crc32(text.encode()), entry], separators=(",", ":")) + "\n"
        with self._lock:
            self._write(self._journal, line.encode(), self._journal_end)
            os.fdatasync(self._journal)
            self._journal_end += len(line)

    @staticmethod
    def _write(descriptor: int, payload: bytes, offset: int) -> None:
        view = memoryview(payload)
        while view:
            done = os.pwrite(descriptor, view, offset)
            view, offset = view[done:], offset + done


def _parsed(raw: bytes) -> dict[str, Any] | None:
    """Return a journal line's entry, or None where the line is torn."""
    if not raw.endswith(b"\n"):
        return None
    try:
        crc, entry = json.loads(raw)
    except (ValueError, TypeError):
        return None
    text = json.dumps(entry, separators=(",", ":"))
    return entry if crc == imagecodecs.deflate_crc32(text.encode()) else None


def _check_identity(header: dict[str, Any], identity: dict[str, str], folder: Path) -> None:
    if header.get("format") != _FORMAT:
        raise ResumeError(
            f"the spool {folder.name} has format {header.get('format')!r}, expected {_FORMAT!r}; "
            "start again without resume"
        )
    before: dict[str, str] = header["identity"]
    differences = [
        f"{key} was {before.get(key, 'not given')}, now {identity.get(key, 'not given')}"
        for key in sorted({*before, *identity})
        if before.get(key) != identity.get(key)
    ]
    if differences:
        raise ResumeError(
            f"the unfinished run in {folder.name} is another job: {'; '.join(differences)}. "
            "Run with the same source, model and options, or start again without resume"
        )
