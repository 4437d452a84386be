"""Families of products that are known by name and layout, and what follows from them.

HyP3: https://hyp3-docs.asf.alaska.edu/guides/rtc_product_guide/ (naming). OPERA RTC-S1: product specification
JPL D-108758. ALOS PALSAR: gamma0 = 20 log10(DN) - 83 dB (JAXA, global mosaic description). Capella: sigma0 =
(scale factor x DN)^2 (SAR imagery products guide). ICEYE: sigma0 = calibration factor x DN^2 (product guide).
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from geosar.scene.evidence.facts import Facts
from geosar.vocabulary import Unit

PALSAR_DECIBELS = -83.0
_IN_CODE = {"p": Unit.POWER, "a": Unit.AMPLITUDE, "d": Unit.DECIBEL}


@dataclass(frozen=True, slots=True)
class Product:
    """What a family says: the unit, the polarisations by band, and the `gain` with which sigma0 = (gain x DN)^2.

    `calibrated` says that the values are backscatter coefficients in whatever unit, amplitude too.
    """

    name: str
    unit: Unit | None = None
    bands: tuple[str, ...] = ()
    gain: float | None = None
    calibrated: bool = False


def recognise(facts: Facts) -> Product | None:
    """Return the product that a raster is, by its name, tags and bands; None where it is none that is known."""
    return next((product for rule in _RULES if (product := rule(facts)) is not None), None)


def _hyp3(facts: Facts) -> Product | None:
    # S1A_IW_20180128T161201_DVP_RTC30_G_gpuned_FD6A: gamma0 or sigma0, then power, amplitude or decibel.
    # What stands beside it (area, rgb, ...) does not end in a polarisation; clips have something before.
    match = re.search(r"S1\w*_\w+_RTC\d\d_\w_[gs]([pad])\w{4}_\w+_(VV|VH|HH|HV)(?![A-Za-z])", facts.name)
    return None if match is None else Product("HyP3 RTC", _IN_CODE[match[1]], calibrated=True)


def _opera(facts: Facts) -> Product | None:
    return Product("OPERA RTC-S1", Unit.POWER) if "OPERA_L2_RTC-S1_" in facts.name else None


def _planetary_computer(facts: Facts) -> Product | None:
    match = re.fullmatch(r"\w\w-(vv|vh|hh|hv)\.rtc\.tiff?", facts.name, re.IGNORECASE)
    return Product("Planetary Computer RTC", Unit.POWER, (match[1].upper(),)) if match else None


def _sentinel_hub(facts: Facts) -> Product | None:
    # ..._Sentinel-1_IW_VV+VH_VV_-_linear_gamma0: the mode's polarisations, then the layer's own.
    match = re.search(r"_Sentinel-1_.*_(VV|VH|HH|HV)_-_(linear|decibel)_gamma0", facts.name)
    if match is None:
        return None
    logarithmic = Unit.DECIBEL if facts.bands[0].dtype.startswith("float") else Unit.PICTURE
    return Product("Sentinel Hub", Unit.POWER if match[2] == "linear" else logarithmic, (match[1],))


def _capella(facts: Facts) -> Product | None:
    if not facts.name.startswith("CAPELLA_"):
        return None
    try:
        image = json.loads(facts.tags.get("TIFFTAG_IMAGEDESCRIPTION", "{}"))["collect"]["image"]
        factor = float(image["scale_factor"])
        calibrated = image.get("calibration") == "full" and image.get("radiometry") == "sigma_nought"
    except (KeyError, TypeError, ValueError):
        return Product("Capella", Unit.AMPLITUDE)
    usable = calibrated and math.isfinite(factor) and factor > 0
    return Product("Capella", Unit.AMPLITUDE, gain=factor if usable else None)


def _iceye(facts: Facts) -> Product | None:
    if not facts.name.startswith("ICEYE_") or len(facts.bands) != 1 or facts.bands[0].dtype == "uint8":  # a quicklook
        return None
    tags = {key.upper(): value for key, value in facts.tags.items()}
    try:
        factor = float(tags.get("CALIBRATION_FACTOR", ""))
    except ValueError:
        factor = 0.0
    usable = math.isfinite(factor) and factor > 0
    return Product("ICEYE", Unit.DIGITAL_NUMBER, ("VV",), math.sqrt(factor) if usable else None)


def _umbra(facts: Facts) -> Product | None:
    known = re.search(r"_UMBRA-\d+_(GEC|MM)", facts.name) and facts.bands[0].dtype != "uint8"  # a picture, of what kind
    return Product("Umbra", Unit.AMPLITUDE) if known else None


def _palsar(facts: Facts) -> Product | None:
    # N10W070_20_sl_HH_F02DAR: the year from 2007 on (JERS-1, of the nineties, has another factor); or IMG-HH-ALOS2...
    mosaic = re.search(r"[NS]\d{2}[EW]\d{3}_[0-4]\d_sl_(HH|HV|VV|VH)(?![A-Za-z])", facts.name) or re.match(
        r"IMG-(HH|HV|VV|VH)-ALOS", facts.name
    )
    exported = tuple(name.lower() for name in facts.descriptions[:4]) == ("hh", "hv", "angle", "qa")
    if facts.bands[0].dtype != "uint16" or not (mosaic or exported):
        return None
    bands = (mosaic[1],) if mosaic else ()
    return Product("ALOS PALSAR", Unit.DIGITAL_NUMBER, bands, 10 ** (PALSAR_DECIBELS / 20))


def _collection(facts: Facts) -> Product | None:
    for pattern, product in _COLLECTIONS:
        if re.match(pattern, facts.name) and len(facts.bands) == len(product.bands):
            return product
    return None


_COLLECTIONS: tuple[tuple[str, Product], ...] = (
    (r"ROIs\d+_\w+_s1_", Product("SEN12MS", Unit.DECIBEL, ("VV", "VH"))),
    (r"sentinel12_s1_\d+_img", Product("S1S2-Water, decibels times 100", Unit.PICTURE, ("VV", "VH"))),
    (r"SN6_.*SAR-Intensity", Product("SpaceNet 6, decibels above zero", Unit.PICTURE, ("HH", "HV", "VH", "VV"))),
)
_RULES: tuple[Callable[[Facts], Product | None], ...] = (
    _hyp3, _opera, _planetary_computer, _sentinel_hub, _capella, _iceye, _umbra, _palsar, _collection,
)  # fmt: skip
