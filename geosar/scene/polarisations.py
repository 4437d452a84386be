"""Which polarisation a band holds, from its description, its tags or the name of its file."""

import re
from collections.abc import Iterable
from pathlib import Path

from geosar.errors import PolarisationError
from geosar.vocabulary import POLARISATIONS, UNKNOWN

# The other polarisation that a dual-polarised Sentinel-1 product of the same look holds.
PARTNER = {"VV": "VH", "VH": "VV", "HH": "HV", "HV": "HH"}

_TOKEN = re.compile(rf"(?<![A-Za-z])({'|'.join(POLARISATIONS)})(?![A-Za-z])", re.IGNORECASE)


def named_in(text: str) -> tuple[str, ...]:
    """Return the polarisations that stand in a text as words of their own, in order, each once."""
    return tuple(dict.fromkeys(word.upper() for word in _TOKEN.findall(text)))


def parse(text: str) -> tuple[str, ...]:
    """Read "VV", "vv,vh" or "VV+VH"; raises `PolarisationError` for anything else."""
    words = tuple(word.upper() for word in re.split(r"[\s,+/]+", text.strip()) if word)
    if not words or len(set(words)) < len(words) or not set(words) <= set(POLARISATIONS):
        raise PolarisationError(
            f"{text!r} names no polarisation; give one or more of {', '.join(POLARISATIONS)}, with commas.",
        )
    return words


def of_band(description: str | None, tags: Iterable[str]) -> str:
    """Return the polarisation that a band's description or tags name, else `UNKNOWN`."""
    for text in (description or "", *tags):
        found = named_in(text)
        if len(found) == 1:
            return found[0]
    return UNKNOWN


def sibling(path: Path) -> tuple[str, str, Path] | None:
    """Find the file of the other polarisation beside one whose name says its own.

    Returns this file's polarisation, the other's, and the other's path; None where the name does not tell or
    no such file exists.
    """
    found = list(_TOKEN.finditer(path.stem))
    if len({match.group().upper() for match in found}) != 1:
        return None
    own = found[0].group()
    other = PARTNER[own.upper()]
    written = other if own.isupper() else other.lower()
    candidate = path.with_name(_TOKEN.sub(written, path.stem) + path.suffix)
    return (own.upper(), other, candidate) if candidate.is_file() else None
