"""Units of radar backscatter and their conversion to decibel, statistics of a scene, normalisation.

Pure: arrays in, arrays out. A model sees (decibel - mean) / deviation, with figures that `geosar.normalisation`
chooses: those that the model declares for calibrated backscatter, else those of the whole scene. With the latter an
unknown constant gain drops out, and so does the choice between power and amplitude, whose decibels differ by a factor
of two only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geosar.errors import SceneContentError, UnitError
from geosar.vocabulary import Unit

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

# No radar image has a backscatter beyond these; what lies outside is an undeclared fill such as -9999.
DECIBEL_RANGE = (-200.0, 200.0)
# Nor has one a linear value beyond this, in any scale: such are the fills of netCDF (9.97e36) and of GDAL (3.4e38).
FILL_MAGNITUDE = 1e15
# Medians of calibrated backscatter: calm water seen through the noise floor to a city in HH.
PLAUSIBLE_MEDIAN_DECIBEL = (-45.0, 5.0)
# Thermal noise removal leaves a few powers below zero; decibels are negative nearly everywhere.
NOISE_NEGATIVE_FRACTION = 0.1
# The median of calibrated power is far below 1; amplitudes without calibration are in the tens and hundreds.
POWER_MEDIAN_LIMIT = 2.0

# How the spread of speckle grows with brightness tells integer amplitudes (power 1) from integer decibels (power
# 0). Measured on 532 pictures: 0.76 to 1.47 for amplitudes; below 0.7 in 96 % of the others.
AMPLITUDE_GROWTH = 0.7
# Decibels with an offset, as +50, times 100: the brightest are a few times the darkest, in more than a few levels. Of
# amplitudes of land they are five to ten times, and their spread grows: measured on four bands of two scenes, by power
# 0.77 to 1.14; that of decibels with offsets of 30 to 50 by power -0.91 to 0.51.
OFFSET_SPAN = 10.0
DECIBEL_GROWTH = 0.6
LEAST_LEVELS = 64
RUN = 32
ENOUGH_RUNS = 64
# Standard deviation of log brightness below which places do not differ enough to compare them.
CONTRAST_LIMIT = 0.05

_TABLE_TYPES = {np.dtype(np.uint8): np.uint8, np.dtype(np.uint16): np.uint16, np.dtype(np.int16): np.uint16}


@dataclass(frozen=True, slots=True)
class UnitInference:
    """A unit, whether something said so (`certain`) or it was concluded from the values, and why."""

    unit: Unit
    certain: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """Statistics of one band over a whole scene, in decibel (in grey values for `Unit.PICTURE`).

    `mean` and `std` are those of the values clipped to their 1st and 99th percentiles, so that a few corner
    reflectors do not move them.
    """

    valid_fraction: float
    minimum: float
    maximum: float
    mean: float
    std: float
    p02: float
    p50: float
    p98: float


def to_decibel(values: Values, unit: Unit) -> npt.NDArray[np.float32]:
    """Convert backscatter of any shape to decibel, float32; NaN where it is undefined (not above zero).

    Decibels and pictures pass unchanged.
    """
    if unit in {Unit.DECIBEL, Unit.PICTURE}:
        return values.astype(np.float32)
    factor = np.float32(10 if unit is Unit.POWER else 20)
    linear = values.astype(np.float32, copy=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels: npt.NDArray[np.float32] = np.log10(linear)
    decibels *= factor
    decibels[~(linear > 0)] = np.nan
    return decibels


def measured(values: Values, unit: Unit, *, zero_is_fill: bool = True) -> Mask | None:
    """Say which values a radar can have measured, of any shape; None where all are.

    Not measured are NaN, infinity and what is beyond any radar; exact zero in power and in floating-point decibels
    (the fringe of a swath; `zero_is_fill` says whether zero is such a fill); zero and less in amplitudes. Power
    below zero is what subtracted noise leaves: measured, and dark. In 8-bit pictures black is a value.
    """
    if values.dtype.kind == "f":
        low, high = DECIBEL_RANGE if unit is Unit.DECIBEL else (-FILL_MAGNITUDE, FILL_MAGNITUDE)
        low = 0 if unit in {Unit.AMPLITUDE, Unit.DIGITAL_NUMBER} else low
        inside: Mask = (values > low) & (values < high)
        fringe = unit is Unit.POWER or (unit is Unit.DECIBEL and zero_is_fill)
        return inside & (values != 0) if fringe else inside
    if values.dtype.itemsize == 1 or unit in {Unit.DECIBEL, Unit.PICTURE}:
        return None
    return values > 0


def infer_unit(sample: Values, dtype: npt.DTypeLike) -> UnitInference:
    """Conclude the unit of a raster from its type and a sample of its raw values.

    `sample` is one-dimensional, finite, free of nodata, with neighbours of a row next to each other. What words say is
    weighed in `geosar.scene.evidence`. Raises `UnitError` where nothing fits.
    """
    dtype = np.dtype(dtype)
    kind = dtype.kind
    if kind == "f":
        sample = sample[(sample > DECIBEL_RANGE[0]) & (sample != 0) & (np.abs(sample) < FILL_MAGNITUDE)]
    if not sample.size:
        unit = Unit.DECIBEL if kind == "f" else Unit.DIGITAL_NUMBER
        return UnitInference(unit, False, f"{dtype} values, of which none is valid")
    if dtype == np.uint8:
        return _infer_byte(sample)
    if kind in "ui":
        return _infer_integer(sample, dtype)
    return _infer_float(sample)


def band_statistics(decibels: Values, valid: Mask) -> BandStatistics:
    """Return the statistics of the valid values of one band; the two arrays have one shape.

    Raises `SceneContentError` when nothing is valid.
    """
    usable = decibels[valid]
    usable = usable[np.isfinite(usable)].astype(np.float64)
    if not usable.size:
        raise SceneContentError(
            "The scene has no valid pixel: all that was sampled is nodata, NaN or zero. "
            "Expected backscatter; check the nodata value and the mask of the file.",
        )
    p01, p02, p50, p98, p99 = (float(value) for value in np.percentile(usable, (1, 2, 50, 98, 99)))
    clipped = np.clip(usable, p01, p99)
    return BandStatistics(
        valid_fraction=float(np.count_nonzero(valid)) / valid.size,
        minimum=float(usable.min()),
        maximum=float(usable.max()),
        mean=float(clipped.mean()),
        std=float(clipped.std()),
        p02=p02,
        p50=p50,
        p98=p98,
    )


MISSING = -8.0
"""What stands throughout the plane of a polarisation that a scene lacks; normalised backscatter is clipped above it."""


class Normaliser:
    """Turns raw values into what a network takes: (decibel - mean) / std, clipped, 0 where invalid.

    A valid pixel whose decibels are undefined (a black pixel of an amplitude picture) gets the lower clip.
    Types of one or two bytes go through a table that is made once for each band.
    """

    def __init__(self, unit: Unit, statistics: Sequence[BandStatistics], clip: tuple[float, float]) -> None:
        self.unit = unit
        self.statistics = tuple(statistics)
        self.clip = clip
        self._tables: dict[np.dtype[Any], npt.NDArray[np.float32]] = {}

    def __call__(self, values: Values, valid: Mask) -> npt.NDArray[np.float32]:
        """Normalise `values` (bands, height, width; source type) where `valid` (height, width); float32."""
        if len(values) != len(self.statistics):
            raise ValueError(f"{len(values)} bands were given, statistics know {len(self.statistics)}.")
        normalised = np.empty(values.shape, np.float32)
        index_type = _TABLE_TYPES.get(values.dtype)
        for band, (raw, out) in enumerate(zip(values, normalised, strict=True)):
            if index_type is None:
                self._normalise(raw, self.statistics[band], out)
            else:
                # Every index is inside the table; "clip" spares numpy the check and a buffer.
                np.take(self._table(values.dtype, band), raw.view(index_type), out=out, mode="clip")
        if not valid.all():
            np.copyto(normalised, np.float32(0), where=~valid)
        return normalised

    def to_decibels(self, values: Values) -> npt.NDArray[np.float32]:
        """Return raw values in decibels, float32; those of a picture as they are, which are taken for such."""
        pictured = self.unit in {Unit.DECIBEL, Unit.PICTURE}
        return values.astype(np.float32) if pictured else to_decibel(values, self.unit).astype(np.float32)

    def decibels(self, normalised: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return normalised values (bands, height, width) in decibels, float32."""
        spread, mean = (
            np.array([getattr(one, name) for one in self.statistics], np.float32)[:, None, None]
            for name in ("std", "mean")
        )
        return normalised * spread + mean

    def _table(self, dtype: np.dtype[Any], band: int) -> npt.NDArray[np.float32]:
        if dtype not in self._tables:
            every_value = np.arange(2 ** (8 * dtype.itemsize), dtype=_TABLE_TYPES[dtype]).view(dtype)
            tables = np.empty((len(self.statistics), every_value.size), np.float32)
            for known, table in zip(self.statistics, tables, strict=True):
                self._normalise(every_value, known, table)
            self._tables[dtype] = tables
        chosen: npt.NDArray[np.float32] = self._tables[dtype][band]
        return chosen

    def _normalise(self, raw: Values, known: BandStatistics, out: npt.NDArray[np.float32]) -> None:
        if known.std == 0:
            out.fill(0)
            return
        decibels = raw if self.unit in {Unit.DECIBEL, Unit.PICTURE} else to_decibel(raw, self.unit)
        np.subtract(decibels, np.float32(known.mean), out=out, casting="same_kind")
        out *= np.float32(1 / known.std)
        low, high = (np.float32(limit) for limit in self.clip)
        np.clip(out, low, high, out=out)
        # Three times as fast as nan_to_num.
        np.copyto(out, low, where=np.isnan(out))


def _infer_byte(sample: Values) -> UnitInference:
    # Speckle multiplies: where amplitudes are larger they also vary more, in proportion. In a picture that is
    # already logarithmic they vary by the same amount everywhere.
    growth = _growth_of_spread(sample)
    if growth is not None:
        unit = Unit.AMPLITUDE if growth > AMPLITUDE_GROWTH else Unit.PICTURE
        return UnitInference(unit, False, f"8-bit values whose spread grows with brightness by power {growth:.2f}")
    # Too few values to compare bright and dark places. Amplitudes skew to the right and their logarithms
    # hardly.
    positive = sample[sample > 0].astype(np.float64)
    linear, logarithmic = _skew(positive), _skew(np.log10(positive))
    unit = Unit.AMPLITUDE if abs(logarithmic) < abs(linear) else Unit.PICTURE
    return UnitInference(
        unit,
        False,
        f"8-bit values, skewed by {linear:.2f} as they stand and by {logarithmic:.2f} as logarithms",
    )


def _growth_of_spread(sample: Values) -> float | None:
    """Return the exponent p of spread ~ brightness^p among runs of neighbours; None where none can be told."""
    runs = sample[: sample.size // RUN * RUN].reshape(-1, RUN)
    # A run at the end of the scale is cut off and varies too little.
    runs = runs[runs.max(axis=1) < np.iinfo(sample.dtype).max].astype(np.float64) if runs.size else runs
    brightness, spread = runs.mean(axis=1), runs.std(axis=1)
    usable = (brightness > 0) & (spread > 0)
    if np.count_nonzero(usable) < ENOUGH_RUNS:
        return None
    brightness, spread = np.log(brightness[usable]), np.log(spread[usable])
    variance = float(brightness.var())
    if variance < CONTRAST_LIMIT**2:
        return None
    return float(((brightness - brightness.mean()) * (spread - spread.mean())).mean()) / variance


def _infer_integer(sample: Values, dtype: np.dtype[Any]) -> UnitInference:
    if (sample < 0).any():
        return UnitInference(Unit.PICTURE, False, f"{dtype} values below zero: taken as scaled decibels")
    low, high = (float(one) for one in np.percentile(sample, (1, 99)))
    if high < OFFSET_SPAN * low and high - low >= LEAST_LEVELS:
        growth = _growth_of_spread(sample)
        if growth is not None and growth < DECIBEL_GROWTH:
            words = f"{dtype} values far from zero, whose spread does not grow with brightness (power {growth:.2f})"
            return UnitInference(Unit.PICTURE, False, f"{words}: taken as decibels with an offset")
    return UnitInference(Unit.DIGITAL_NUMBER, False, f"{dtype} values, none below zero")


def _infer_float(sample: Values) -> UnitInference:
    low, median, high = (float(one) for one in np.percentile(sample, (1, 50, 99)))
    negative = float(np.mean(sample < 0))
    if negative < NOISE_NEGATIVE_FRACTION:
        unit = Unit.POWER if median < POWER_MEDIAN_LIMIT else Unit.AMPLITUDE
        return UnitInference(unit, False, f"floating-point values above zero with a median of {median:.3g}")
    if median > 0 and -low < high / 2 and (high < POWER_MEDIAN_LIMIT or median > PLAUSIBLE_MEDIAN_DECIBEL[1]):
        words = f"floating-point values, {negative:.0%} of them just below zero, as subtracted noise leaves them"
        return UnitInference(Unit.POWER, False, words)
    least, most = PLAUSIBLE_MEDIAN_DECIBEL
    if least <= median <= most and max(-low, high) >= POWER_MEDIAN_LIMIT:
        return UnitInference(
            Unit.DECIBEL,
            False,
            f"floating-point values, {negative:.0%} of them below zero, with a median of {median:.3g}",
        )
    raise UnitError(
        f"The unit cannot be concluded: floating-point values, {negative:.0%} below zero, with a median "
        f"of {median:.3g}. Expected decibels ({least:g} to {most:g}) or values above zero; "
        "state the unit with `scale` (--scale).",
    )


def _skew(values: npt.NDArray[np.float64]) -> float:
    deviation = float(values.std()) if values.size else 0.0
    if deviation == 0:
        return 0.0
    return float((((values - values.mean()) / deviation) ** 3).mean())
