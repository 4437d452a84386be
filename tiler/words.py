"""Words of requests: geosar's vocabularies as pydantic takes them, and texts that can be kept and told again."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import Request
from pydantic import BaseModel, ValidationError, model_validator

from geosar.vocabulary import Compression, Unit
from geosar_tiler.errors import InvalidError

if TYPE_CHECKING:
    CompressionName = str
    UnitName = str
else:  # mypy takes no Literal that is worked out
    CompressionName = Literal[tuple(each.value for each in Compression)]
    UnitName = Literal[tuple(each.value for each in Unit)]

BESIDE = (".aux.xml", ".hdr", ".tfw", ".tifw", ".wld", ".pgw", ".jgw", ".prj", ".ovr", ".msk", ".tab", ".rpb")
"""How files end that say something of a raster and lie beside it."""
_FOLDERS = re.compile(r"(?<![\w.~:/])/([^\s/:;,'\"()]{1,60})/(?:[^\s/:;,'\"()]+/)*")


def without_folders(text: str) -> str:
    """Return a text for clients in which files of this machine have their last names alone.

    >>> without_folders("the model /usr/lib/models/mine lacks a.bin; see /docs/x/y")
    'the model mine lacks a.bin; see /docs/x/y'
    """
    return _FOLDERS.sub(lambda match: "" if Path("/", match[1]).is_dir() else match[0], text)


def checked_text(text: str) -> str:
    r"""Return a text that can be kept and told again: without halves of characters, and without NUL.

    JSON can hold both, and no database all of it; raises ValueError.

    >>> checked_text("Zoë")
    'Zoë'
    >>> checked_text("\ud800")
    Traceback (most recent call last):
    ValueError: a text has half a character (a lone surrogate) or NUL in it; send whole characters
    """
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text has half a character (a lone surrogate) or NUL in it; send whole characters")
    return text


def check_request(request: Request) -> None:
    """Look at the texts of a URL, before anything is made of them; raises InvalidError."""
    for text in (request.scope["path"], *(part for pair in request.query_params.multi_items() for part in pair)):
        try:
            checked_text(text)
        except ValueError as error:
            raise InvalidError(f"{error}.") from None


def described(error: ValidationError) -> str:
    """Say what is not as it should be: where, and what."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'all'}: {in_words(one['msg'])}" for one in error.errors(include_url=False)
    )


def in_words(message: str) -> str:
    """Return pydantic's message without its name for the kind of error."""
    return message.removeprefix("Value error, ").rstrip(".")


class Body(BaseModel):
    """The root of what JSON bodies are: all their texts are such."""

    @model_validator(mode="before")
    @classmethod
    def _is_of_texts(cls, value: Any) -> Any:
        _check_texts(value)
        return value


def _check_texts(value: Any) -> None:
    left = [value]
    while left:  # not by recursion, as the body's depth is its sender's
        one = left.pop()
        if isinstance(one, str):
            checked_text(one)
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
