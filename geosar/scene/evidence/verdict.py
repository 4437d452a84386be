"""The unit of bands, from what is said of them and from their values, which may refute any word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geosar.backscatter import NOISE_NEGATIVE_FRACTION, PLAUSIBLE_MEDIAN_DECIBEL, UnitInference, Values, infer_unit
from geosar.errors import UnitError
from geosar.scene.evidence.claims import Evidence, Topic, Weight
from geosar.vocabulary import Unit

LEAST_DECIBELS = 2.0
"""Backscatter whose values all lie between minus and plus this is linear: decibels of any place vary more."""

_LINEAR = frozenset({Unit.POWER, Unit.AMPLITUDE, Unit.DIGITAL_NUMBER})
_ALIKE = {Unit.DIGITAL_NUMBER: Unit.AMPLITUDE}
"""Units that are converted alike, so that one said for the other is no contradiction."""


@dataclass(frozen=True, slots=True)
class Refuted:
    """A piece of evidence that the values refute."""

    evidence: Evidence
    reason: str


@dataclass(frozen=True, slots=True)
class UnitVerdict:
    """The unit of some bands, how sure it is and why; what the values refute, and what contradicts it unrefuted."""

    inference: UnitInference
    refuted: tuple[Refuted, ...] = ()
    doubted: tuple[Evidence, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The verdict in plain words, and what was not believed."""
        inference = self.inference
        how = f"Unit {inference.unit.value}: " if inference.certain else f"Unit {inference.unit.value}, inferred from "
        against = [f"Not believed: {one.evidence.describe()}, because {one.reason}." for one in self.refuted]
        after = f"{inference.unit.value} is used, as stated" if inference.certain else "state which with `--scale`"
        doubts = [f"Against that: {one.describe()}; {after}." for one in self.doubted]
        return tuple(dict.fromkeys((f"{how}{inference.reason}.", *against, *doubts)))


def weigh_unit(evidence: Sequence[Evidence], samples: Mapping[int, Values], dtype: npt.DTypeLike) -> UnitVerdict:
    """Weigh what is said of the unit of bands against a sample of each, which is finite, free of fill and in rows.

    `samples` are the bands, by the numbers that the evidence has. What weighs most counts; it is certain where nothing
    that the values allow contradicts it. Raises `UnitError` where the bands differ, and where nothing fits.
    """
    kind = np.dtype(dtype).kind
    about = [one for one in evidence if one.topic is Topic.UNIT and (one.band is None or one.band in samples)]
    about.sort(key=lambda one: -one.weight)
    refuted: list[Refuted] = []
    believed: list[tuple[Evidence, Unit]] = []
    for one in about:
        unit = _as_stored(Unit(one.value), one, kind)
        concerned = samples.values() if one.band is None else (samples[one.band],)
        reason = None if one.weight >= Weight.CALIBRATION else refutation(concerned, unit, kind)
        if reason is None:
            believed.append((one, unit))
        else:
            refuted.append(Refuted(one, reason))
    if not believed:
        return UnitVerdict(infer_unit(np.concatenate(list(samples.values())), dtype), tuple(refuted))
    first, unit = believed[0]
    against = tuple(one for one, other in believed if not _agree(unit, other))
    sure = first.weight >= Weight.CALIBRATION
    if not sure:
        _check_alike(believed, samples, kind)
    inference = UnitInference(unit, sure or not against, _because(first, unit, kind))
    return UnitVerdict(inference, tuple(refuted), against)


def refutation(samples: Iterable[Values], unit: Unit, kind: str) -> str | None:
    """Say why samples of bands cannot be of a unit; None where all can."""
    return next((why for one in samples if one.size and (why := _refutation(one, unit, kind)) is not None), None)


def _as_stored(unit: Unit, one: Evidence, kind: str) -> Unit:
    """Integers proportional to decibels are as good as decibels once they are normalised."""
    return Unit.PICTURE if unit is Unit.DECIBEL and kind in "ui" and one.weight < Weight.CALIBRATION else unit


def _check_alike(believed: Sequence[tuple[Evidence, Unit]], samples: Mapping[int, Values], kind: str) -> None:
    """Raise `UnitError` where what is surest of one band differs from what is surest of another, or from its values."""
    first, unit = believed[0]
    surest = [next((pair for pair in believed if pair[0].band in {None, band}), (first, unit)) for band in samples]
    other = next((one.describe() for one, its_unit in surest if not _agree(unit, its_unit)), None)
    other = other or refutation(samples.values(), unit, kind)
    if other is not None:
        raise UnitError(
            f"The bands are in different units: {first.describe()}, but of another band: {other}. Choose one with "
            "`polarisation` (--pol VV), or state one unit for all with `scale` (--scale db)."
        )


def _refutation(sample: Values, unit: Unit, kind: str) -> str | None:
    if unit is Unit.PICTURE or (kind != "f" and unit in _LINEAR and not (sample < 0).any()):
        return None
    low, median, high = (float(one) for one in np.percentile(sample, (1, 50, 99)))
    if unit is Unit.DECIBEL:
        return _no_decibels(low, median, high, least=float(sample.min()))
    negative = float(np.mean(sample < 0))
    most = NOISE_NEGATIVE_FRACTION if unit is not Unit.POWER else 1.0
    # Noise that was subtracted leaves values below zero that are small beside those above.
    if negative > most or median < 0 or -low > high / 2:
        return f"{negative:.0%} of the values are below zero, with a median of {median:.3g}"
    return None


def _no_decibels(low: float, median: float, high: float, *, least: float) -> str | None:
    if max(abs(low), abs(high)) < LEAST_DECIBELS:
        return f"values between {low:.3g} and {high:.3g} are no decibels"
    if least >= 0 and median < LEAST_DECIBELS:
        return f"values of which none is below zero, with a median of {median:.3g}, are no decibels"
    return f"a median of {median:.3g} is none of decibels" if abs(median) > -PLAUSIBLE_MEDIAN_DECIBEL[0] else None


def _agree(one: Unit, other: Unit) -> bool:
    return _ALIKE.get(one, one) is _ALIKE.get(other, other)


def _because(one: Evidence, unit: Unit, kind: str) -> str:
    if one.weight >= Weight.CALIBRATION:
        return one.words
    if one.weight is Weight.PRODUCT:
        return f"the product, {one.words}"
    beside = " beside integer values" if unit is Unit.PICTURE and kind in "ui" else ""
    return f"the words {one.words}{beside}"
