"""Which polarisation a band holds, from its description, its tags or the name of its file."""

import re
from collections.abc import Mapping
from pathlib import Path

from geosar.errors import PolarisationError
from geosar.vocabulary import POLARISATIONS

# The other polarisation that a dual-polarised Sentinel-1 product of the same look holds.
PARTNER = {"VV": "VH", "VH": "VV", "HH": "HV", "HV": "HH"}

_RUN = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(POLARISATIONS)})+(?![A-Za-z])", re.IGNORECASE)
_SINGLE = re.compile(r"(?<![A-Za-z0-9])1SS([VH])(?![A-Za-z0-9])")
_TOKEN = re.compile(rf"(?<![A-Za-z])({'|'.join(POLARISATIONS)})(?![A-Za-z])", re.IGNORECASE)


def named_in(text: str) -> tuple[str, ...]:
    """Return the polarisations that stand in a text as words of their own, or joined (VVVH), in order, each once."""
    joined = "".join(_RUN.findall(text)).upper()
    return tuple(dict.fromkeys(joined[start : start + 2] for start in range(0, len(joined), 2)))


def named_in_file(name: str) -> tuple[str, ...]:
    """Return the polarisations that the name of a file says; a Sentinel-1 product of one says it in its code (1SSV)."""
    stem = name.rpartition(".")[0] or name
    single = _SINGLE.search(stem)
    return named_in(stem) or (() if single is None else (single[1] * 2,))


def without(name: str, text: str) -> str:
    """Return a text without the polarisation that it names: what bands that belong together share."""
    return re.sub(rf"(?<![A-Za-z]){name}(?![A-Za-z])", "", text, flags=re.IGNORECASE)


def together(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Group names whose texts differ in the one polarisation that each says alone; the largest group first.

    A group has each name by its polarisation.
    """
    groups: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        names = named_in(text)
        if len(names) == 1:
            groups.setdefault(without(names[0], text), {}).setdefault(names[0], name)
    return sorted(groups.values(), key=lambda group: -len(group))


def parse(text: str) -> tuple[str, ...]:
    """Read "VV", "vv,vh" or "VV+VH"; raises `PolarisationError` for anything else."""
    words = tuple(word.upper() for word in re.split(r"[\s,+/]+", text.strip()) if word)
    if not words or len(set(words)) < len(words) or not set(words) <= set(POLARISATIONS):
        raise PolarisationError(
            f"{text!r} names no polarisation; give one or more of {', '.join(POLARISATIONS)}, with commas.",
        )
    return words


def sibling(path: Path) -> tuple[str, str, Path] | None:
    """Find the file of the other polarisation beside one whose name says its own.

    Returns this file's polarisation, the other's, and the other's path; None where the name does not tell or
    no such file exists.
    """
    matches = list(_TOKEN.finditer(path.stem))
    if len({match.group().upper() for match in matches}) != 1:
        return None
    own = matches[0].group()
    other = PARTNER[own.upper()]
    written = other if own.isupper() else other.lower()
    candidate = path.with_name(_TOKEN.sub(written, path.stem) + path.suffix)
    return (own.upper(), other, candidate) if candidate.is_file() else None
