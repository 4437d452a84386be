"""What is no backscatter: phase, heights, angles, masks, colours and geosar's own results, told by names and units."""

import re
from collections.abc import Sequence

import numpy as np

from geosar.backscatter import Values
from geosar.errors import UnlikeSarError
from geosar.scene.evidence.facts import BandFacts, Facts
from geosar.scene.request import Request

_NOT_LETTER = r"(?:^|[^a-z])"
# Names that products give to the files beside their backscatter (HyP3 RTC and InSAR, MintPy, SNAP, OPERA, JAXA).
_NAMES: tuple[tuple[str, str], ...] = (
    (r"(wrapped|unw|wrp)_?phase|phase_ifg|interferogram", "interferometric phase"),
    (r"velocity|(los|vert)_?disp|displacement|timeseries", "ground motion"),
    (r"(corr|coh|coherence)([-_ ]?(vv|vh|hh|hv)([-_ ]\w+)?)?", "interferometric coherence"),
    (r"(dem|dsm|dtm|elevation|height|srtm|nasadem|aw3d30|hgt)", "elevation"),
    (r"((local|proj(ected)?)_?)*inc(idence)?_?(map|angle)(_ell)?|theta|linci(_f\w+)?|incidence", "an angle"),
    (r"((azimuth|look|view)_?)?angle|lv_(theta|phi)", "an angle"),
    (r"ls_?map|layover|shadow|water_?mask|(valid|data|cloud)_?mask|mask", "a mask or an auxiliary layer"),
    (r"rtc_area_normalization|rtc_anf(_\w+_to_\w+)?|number_of_looks", "a mask or an auxiliary layer"),
    (r"rtc\d\d_\w+_area|\d\d_(date|mask)_f\w+", "a mask or an auxiliary layer"),
    (r"rtc\d\d_\w+_rgb", "colours made of backscatter"),
    (r"m?nd[vwmsb]i|evi\d?|savi|nbr|(dp)?rvi", "an index"),
    (r"\w+_(contrast|dissimilarity|homogeneity|asm|energy|entropy|glcm\w+)", "a texture"),
)  # fmt: skip
_UNITS: tuple[tuple[str, str], ...] = (
    (r"rad(ians?)?", "phase in radians"),
    (r"deg(rees?)?|°", "an angle in degrees"),
    (r"(m|metres?|meters?|mm|cm)/(y|yr|year|a|day)", "ground motion"),
    (r"m|metres?|meters?|mm|cm|feet|ft", "heights or distances"),
    (r"k|kelvin|°c|celsius", "temperatures"),
)
# All at once, as most rasters have none of them.
_ANY_UNIT = re.compile("|".join(pattern for pattern, _ in _UNITS), re.IGNORECASE)
_ANY_NAME = re.compile("|".join(pattern for pattern, _ in _NAMES), re.IGNORECASE)
_ENDS_IN_NAME = re.compile(rf"{_NOT_LETTER}(?:{_ANY_NAME.pattern})\d*$", re.IGNORECASE)
_PLATFORM_OPTICAL = re.compile(
    r"^(T\d\d[A-Z]{3}_\d{8}T\d{6}_(B\d\w|TCI|SCL)|L[COTE]0\d_|S2[A-D]_MSI|HLS\.[SL]30\.|M[OY]D\d\d)", re.IGNORECASE
)
_OPTICAL_BAND = re.compile(r"b\d\d?a?|sr_b\d\d?|red|green|blue|nir\d?|swir\d?|pan", re.IGNORECASE)


def refuse_other(facts: Facts, request: Request, printable: str) -> None:
    """Raise `UnlikeSarError` for a raster that says by its tags, name or units that it holds something else."""
    if request.force:
        return
    if facts.tags.get("GEOSAR_SYNTHETIC", "").upper() == "YES":
        raise UnlikeSarError(
            f"{printable} is a synthetic image that geosar made; expected radar backscatter. Give the scene that it "
            "was made from; `--force` goes on all the same."
        )
    what = other_content(facts)
    if what is not None:
        raise UnlikeSarError(
            f"{printable} holds {what}; expected radar backscatter. Give the file of VV, VH, HH or HV beside it; if it "
            "is backscatter all the same, say so with `force` (--force)."
        )


def other_content(facts: Facts) -> str | None:
    """Say what a raster holds in place of backscatter; None where nothing says so."""
    if _PLATFORM_OPTICAL.search(facts.name):
        return "an optical image, by its name"
    of_bands = [_of_band(band) for band in facts.bands]
    if all(of_bands):  # else one of them may be backscatter
        return of_bands[0]
    if len(facts.bands) > 1:
        return None  # the name tells of one of them at most
    stem = facts.name.rpartition(".")[0] or facts.name
    for pattern, what in _NAMES if _ENDS_IN_NAME.search(stem) else ():
        # The last words of a name say what the file holds; those before, of which product it is.
        if re.search(rf"{_NOT_LETTER}(?:{pattern})\d*$", stem, re.IGNORECASE):
            return f"{what}, by its name"
    return None


def _of_band(band: BandFacts) -> str | None:
    for pattern, what in _UNITS if _ANY_UNIT.fullmatch(band.units.strip()) else ():
        if re.fullmatch(pattern, band.units.strip(), re.IGNORECASE):
            return f"{what}, by its unit {band.units!r}"
    for pattern, what in _NAMES if _ANY_NAME.fullmatch(band.description.strip()) else ():
        if re.fullmatch(pattern, band.description.strip(), re.IGNORECASE):
            return f"{what}, by the name of its band"
    if _OPTICAL_BAND.fullmatch(band.description.strip()):
        return f"an optical image, by the name of its band {band.description}"
    return None


def refuse_values(samples: Sequence[Values], request: Request, printable: str) -> None:
    """Raise `UnlikeSarError` where no radar can have measured what was sampled of any band: one number, or phase."""
    if request.force or not samples:
        return
    for sample in samples:
        what = other_values(sample)
        if what is None:
            return
    raise UnlikeSarError(
        f"{printable} holds {what}; expected radar backscatter, which has speckle. If it is backscatter all the same, "
        "say so with `force` (--force)."
    )


def other_values(sample: Values) -> str | None:
    """Say what a band holds in place of backscatter by its values: one number, a mask, or an angle on a circle."""
    if sample.size < ENOUGH:
        return None
    low, high = float(sample.min()), float(sample.max())
    if low == high:
        return f"the same number everywhere ({low:g})"
    if low == 0 and bool(((sample == low) | (sample == high)).all()):
        return f"nothing but 0 and {high:g}, as a mask does"
    if sample.dtype.kind != "f":
        return None
    # Phase fills the circle: as many values in each quarter of -pi to pi, and none beyond.
    if -np.pi - SLACK <= low < -np.pi + WRAP and np.pi - WRAP < high <= np.pi + SLACK:
        shares = np.histogram(sample, bins=4, range=(-np.pi, np.pi))[0] / sample.size
        if shares.min() > LEAST_QUARTER:
            return "values that fill the circle from -pi to pi, as phase does"
    return None


ENOUGH = 1024
"""Values from which on a band may be told by them."""
SLACK = 1e-3
WRAP = 0.1
LEAST_QUARTER = 0.1
