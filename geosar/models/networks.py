"""Looks through the file of a network before an engine opens it: it is what its name says, and leads to no other file.

An ONNX file may keep its weights in other files, wherever these lie: the engine would read whatever it names. So its
messages are walked through (onnx.proto3, https://onnx.ai/onnx/repo-docs/IR.html), without knowing more of them.
"""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from geosar.errors import ModelFormatError
from geosar.models.manifest import FileSpec

_NET = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?<net[\s>]")
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
    "external": {},
}
"""Which fields of ONNX's messages are messages that tensors can be in."""
_MOST_FIELDS = 1_000_000
_MOST_DEPTH = 40


def check_network(folder: Path, spec: FileSpec) -> None:
    """Raise `ModelFormatError` for a network that is none of its engine's, or names files beyond the manifest's."""
    path = folder / spec.path
    if spec.engine == "openvino":
        with path.open("rb") as file:
            beginning = file.read(1024).removeprefix(b"\xef\xbb\xbf")
        if not _NET.match(beginning):
            raise ModelFormatError(
                f"OpenVINO cannot use {path}: it is no network of its own kind. Get the model again."
            )
    elif spec.engine == "onnx":
        others = _locations(path) - {spec.data_path}
        if others:
            raise ModelFormatError(
                f"{path} keeps weights in {min(map(str, others))[:80]!r}, which its manifest does not name; expected "
                "all in one file, or in the file of data_path. Do not trust this model.",
            )


def _locations(path: Path) -> set[str | None]:
    """Return the names of all files that an ONNX file says its tensors are in."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return set(_external(content))
    except (ValueError, IndexError) as error:
        raise ModelFormatError(f"{path} is damaged: it is no ONNX ({error}). Get the model again.") from error


def _external(content: mmap.mmap) -> Iterator[str]:
    left = _MOST_FIELDS
    waiting = [("model", 0, len(content), 0)]
    while waiting:
        kind, begin, end, depth = waiting.pop()
        entry: dict[int, bytes] = {}
        graphs = 0
        for field, start, stop in _fields(content, begin, end):
            left -= 1
            if left < 0 or depth > _MOST_DEPTH:
                raise ValueError("it has too many parts")
            inner = _WITHIN[kind].get(field)
            graphs += inner == "graph"
            if inner is not None:
                waiting.append((inner, start, stop, depth + 1))
            elif kind == "external":
                entry[field] = content[start : min(stop, start + 4096)]
        if kind == "model" and not graphs:
            raise ValueError("it has no graph")
        if kind == "external" and entry.get(1) == b"location":
            yield entry.get(2, b"").decode("utf-8", "replace")


def _fields(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number and the bytes, as from and to, of each field of a message that has a length."""
    while at < end:
        key, at = _varint(content, at)
        match key & 7:
            case 0:
                _, at = _varint(content, at)
                continue
            case 1:
                size = 8
            case 5:
                size = 4
            case 2:
                size, at = _varint(content, at)
            case other:
                raise ValueError(f"a field of kind {other}")
        if at + size > end:
            raise ValueError("a field is longer than what it is in")
        if key & 7 == 2:
            yield key >> 3, at, at + size
        at += size
    if at != end:
        raise ValueError("a field is longer than what it is in")


def _varint(content: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without end")
