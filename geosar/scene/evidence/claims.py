"""Evidence: what says what about a raster, about which of its bands, and how surely."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from geosar.scene.evidence.facts import BandFacts, Facts
from geosar.scene.evidence.products import Product
from geosar.scene.evidence.times import parse_time
from geosar.scene.polarisations import named_in, named_in_file
from geosar.vocabulary import Unit

PROSE = 120
"""Characters beyond which a text tells a story rather than a unit."""

# Tags whose values may name a unit. Others hold words such as LINEAR for reasons of their own.
_UNIT_TAGS = ("unit", "scale", "backscatter", "calibration", "radiometr", "long_name", "imagedescription", "expression")
_TIME_TAGS = re.compile(
    r"((product|scene|sensing|acquisition)_?)?start_?(date_?)?time|(acquisition|sensing)_?(start|(date_?)?time)"
    r"|date_?time|first_line_time|time_coverage_start",
    re.IGNORECASE,
)
# A text with one of these explains how to compute something, and does not say what there is.
_FORMULA = re.compile(
    r"log\W?10|10\s*\*|equation|conversion|[=^]|\bto\s+(db|decibel|power|amplitude|linear)", re.IGNORECASE
)
_WORDS: dict[Unit, frozenset[str]] = {
    Unit.PICTURE: frozenset({"picture", "quicklook"}),
    Unit.DECIBEL: frozenset({"db", "decibel", "decibels", "logarithmic"}),
    Unit.POWER: frozenset({"power", "intensity", "linear"}),
    Unit.AMPLITUDE: frozenset({"amplitude"}),
    Unit.DIGITAL_NUMBER: frozenset({"dn"}),
}


class Topic(StrEnum):
    """What a piece of evidence is about."""

    UNIT = "unit"
    POLARISATION = "polarisation"
    ACQUIRED = "acquired"
    NODATA = "nodata"


class Weight(IntEnum):
    """How much a piece of evidence counts: what stands nearer to the pixels counts more, the caller's word most."""

    VALUES = 0
    NAME = 1
    TAG = 2
    BAND_TAG = 3
    BAND_NAME = 4
    BAND_UNIT = 5
    PRODUCT = 6
    CALIBRATION = 7
    STATED = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that something says: its topic and value, of which band (None: of all), who says it, and its words."""

    topic: Topic
    value: Any
    weight: Weight
    words: str
    band: int | None = None

    def describe(self) -> str:
        """Say it in words, without the band."""
        return f"{self.topic} {self.value}, by {_WHERE[self.weight]}{self.words}"


_WHERE = {
    Weight.VALUES: "the values, ",
    Weight.NAME: "the file's name, ",
    Weight.TAG: "the tag ",
    Weight.BAND_TAG: "the band's tag ",
    Weight.BAND_NAME: "the band's name, ",
    Weight.BAND_UNIT: "the band's unit, ",
    Weight.PRODUCT: "the product, ",
    Weight.CALIBRATION: "",
    Weight.STATED: "",
}


def unit_in(text: str) -> Unit | None:
    """Return the unit that a short text names; None for none, for several, and for prose and formulas."""
    if len(text) > PROSE or _FORMULA.search(text):
        return None
    words = set(re.split(r"[^a-z0-9]+", text.lower()))
    named = [unit for unit, known in _WORDS.items() if words & known]
    return named[0] if len(named) == 1 else None


def gather(facts: Facts, product: Product | None) -> tuple[Evidence, ...]:
    """Return all that a raster says of unit, polarisations and time, as a `product` where it is a known one."""
    return (*_of_product(product), *_of_bands(facts), *_of_tags(facts), *_of_name(facts, product))


def _of_product(product: Product | None) -> Iterator[Evidence]:
    if product is None:
        return
    if product.unit is not None:
        yield Evidence(Topic.UNIT, product.unit, Weight.PRODUCT, product.name)
    for number, name in enumerate(product.bands, start=1):
        yield Evidence(Topic.POLARISATION, name, Weight.PRODUCT, product.name, number)


def _of_bands(facts: Facts) -> Iterator[Evidence]:
    for band in facts.bands:
        for weight, words in _texts(band):
            value = words.partition("=")[2] if weight is Weight.BAND_TAG else words
            unit = unit_in(value)
            if unit is not None and (weight is not Weight.BAND_TAG or _is_about_units(words)):
                yield Evidence(Topic.UNIT, unit, weight, repr(words), band.number)
            names = named_in(value)
            if len(names) == 1 and weight is not Weight.BAND_UNIT:
                yield Evidence(Topic.POLARISATION, names[0], weight, repr(words), band.number)


def _texts(band: BandFacts) -> Iterator[tuple[Weight, str]]:
    if band.units:
        yield Weight.BAND_UNIT, band.units
    if band.description:
        yield Weight.BAND_NAME, band.description
    for key, value in band.tags.items():
        yield Weight.BAND_TAG, f"{key}={value}"


def _of_tags(facts: Facts) -> Iterator[Evidence]:
    for key, value in facts.tags.items():
        unit = unit_in(value)
        if unit is not None and _is_about_units(f"{key}="):
            yield Evidence(Topic.UNIT, unit, Weight.TAG, f"{key}={value!r}")
        names = named_in(value) if "imagedescription" in key.lower() and len(value) <= PROSE else ()
        if len(names) == len(facts.bands) == 1:
            yield Evidence(Topic.POLARISATION, names[0], Weight.TAG, f"{key}={value!r}", 1)
        if _TIME_TAGS.fullmatch(key) and (time := parse_time(value)) is not None:
            yield Evidence(Topic.ACQUIRED, time, Weight.TAG, f"{key}={value!r}")


def _of_name(facts: Facts, product: Product | None) -> Iterator[Evidence]:
    unit = unit_in(facts.name)
    if unit is not None and (product is None or product.unit is None):  # else the name was understood as a whole
        yield Evidence(Topic.UNIT, unit, Weight.NAME, repr(facts.name))
    for name in named_in_file(facts.name):
        yield Evidence(Topic.POLARISATION, name, Weight.NAME, repr(facts.name))
    if (time := parse_time(facts.name)) is not None:
        yield Evidence(Topic.ACQUIRED, time, Weight.NAME, repr(facts.name))


def _is_about_units(tag: str) -> bool:
    key = tag.partition("=")[0].lower()
    return any(word in key for word in _UNIT_TAGS) and not _FORMULA.search(key)
