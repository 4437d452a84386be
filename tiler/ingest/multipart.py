"""Files out of a multipart form, piece by piece as they come."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from geosar_tiler.errors import InvalidError

MAX_PART_HEADERS = 16 * 2**10


@dataclass(frozen=True, slots=True)
class Part:
    """Says that a file begins: the name of its field, and the one that its sender gave it."""

    field: str
    filename: str


async def files_of(stream: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Part | bytes]:
    """Yield, for each file of a form, a `Part` and then its bytes; other fields are left out.

    Raises InvalidError for a form that is malformed, ends in the middle, or holds no file.
    """
    form = _Form()
    files = 0
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for chunk in stream:
            parser.write(chunk)
            for piece in form.pieces:
                files += isinstance(piece, Part)
                yield piece
            form.pieces.clear()
    except FormParserError as error:
        raise InvalidError(f"the form is malformed: {error}. Send multipart/form-data with a boundary.") from error
    if not form.ended:
        raise InvalidError("the form ends in the middle; the upload is not complete. Send it again.")
    if not files:
        raise InvalidError("the form holds no file; expected one in any of its fields.")


class _Form:
    """Collects what the parser calls back."""

    def __init__(self) -> None:
        self.pieces: list[Part | bytes] = []
        self.ended = False
        self._in_file = False
        self._field = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("_field", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers = {}

    def _add(self, name: str, data: bytes) -> None:
        setattr(self, name, getattr(self, name) + data)
        if len(self._field) + len(self._value) > MAX_PART_HEADERS:
            raise InvalidError("the headers of the form's parts are too long.")

    def _header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" in options:
            self._in_file = True
            field, filename = (
                options.get(key, b"").decode("utf-8", "replace").replace("\0", "") for key in (b"name", b"filename")
            )
            self.pieces.append(Part(field, filename or "scene"))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.pieces.append(data[start:end])

    def _part_end(self) -> None:
        self._in_file = False

    def _end(self) -> None:
        self.ended = True
