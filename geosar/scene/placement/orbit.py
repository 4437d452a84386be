"""Where a place on the Earth lies in a Sentinel-1 GRD image: range-Doppler geometry from the product's annotation.

A place is imaged when the satellite passes it at right angles (zero Doppler), at the distance that it then has:
(P - S(t)) . V(t) = 0 and R = |P - S(t)| (Curlander and McDonough, Synthetic Aperture Radar, 1991, section 8.2; Small
and Schubert, Guide to ASAR Geocoding, RSL-ASAR-GC-AD, 2008). Time becomes a line by the spacing of lines, distance
becomes a column by the product's own polynomials from slant to ground range (Sentinel-1 Product Specification,
S1-RS-MDA-52-7441, coordinateConversion). Both count from the centre of the first pixel.
"""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyproj

from geosar.scene.placement.base import Numbers

LIGHT = 299_792_458.0
_MOST_RECORDS = 10_000
_FEWEST_STATES = 4
_ROUNDS = 8
_SETTLED = 1e-9
"""Seconds: a hundredth of a millimetre of the satellite's way."""


@dataclass(frozen=True)
class Orbit:
    """The satellite's way: at `times` (n; seconds) its positions and velocities (n, 3), fixed to the Earth."""

    times: Numbers
    positions: Numbers
    velocities: Numbers

    def __call__(self, times: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Return position, velocity and acceleration (m, 3), by cubic Hermite polynomials between the states.

        Between states ten seconds apart they are within a millimetre of the way.
        """
        index = np.clip(np.searchsorted(self.times, times) - 1, 0, len(self.times) - 2)
        span = (self.times[index + 1] - self.times[index])[:, np.newaxis]
        u = (times - self.times[index])[:, np.newaxis] / span
        start, end = self.positions[index], self.positions[index + 1]
        leave, arrive = self.velocities[index] * span, self.velocities[index + 1] * span
        square, cube = 3 * (end - start) - 2 * leave - arrive, 2 * (start - end) + leave + arrive
        position = start + u * (leave + u * (square + u * cube))
        velocity = (leave + u * (2 * square + 3 * u * cube)) / span
        acceleration = (2 * square + 6 * u * cube) / span**2
        return position, velocity, acceleration

    def passes(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Return when the satellite passes places (n, 3) at right angles, and how far away it then is.

        NaN where it does not within the time that the states span.
        """
        times = np.full(len(places), (self.times[0] + self.times[-1]) / 2)
        step = np.zeros_like(times)
        for _ in range(_ROUNDS):  # Newton's, which settle in four
            position, velocity, acceleration = self(times)
            line = places - position
            off = (line * velocity).sum(axis=1)
            slope = (line * acceleration).sum(axis=1) - (velocity * velocity).sum(axis=1)
            step = off / slope
            times = np.clip(times - step, self.times[0], self.times[-1])
            if np.abs(step).max() < _SETTLED:
                break
        settled = np.abs(step) < _SETTLED
        distance = np.sqrt(((places - self(times)[0]) ** 2).sum(axis=1))
        return np.where(settled, times, np.nan), np.where(settled, distance, np.nan)


@dataclass(frozen=True)
class GroundRange:
    """A product's polynomials from slant to ground range: at `times` (n), of (range - `origins`) (n), in metres."""

    times: Numbers
    origins: Numbers
    coefficients: tuple[Numbers, ...]

    def __call__(self, times: Numbers, ranges: Numbers) -> Numbers:
        """Return ground ranges, straight between the polynomials before and after; as the outer ones beyond them."""
        if len(self.times) == 1:
            return np.asarray(np.polynomial.polynomial.polyval(ranges - self.origins[0], self.coefficients[0]))
        index = np.clip(np.searchsorted(self.times, times) - 1, 0, len(self.times) - 2)
        result = np.empty_like(ranges)
        for number in np.unique(index):
            here = index == number
            before, after = (
                np.polynomial.polynomial.polyval(ranges[here] - self.origins[k], self.coefficients[k])
                for k in (number, number + 1)
            )
            share = (times[here] - self.times[number]) / (self.times[number + 1] - self.times[number])
            share = np.clip(share, 0, 1)
            result[here] = before * (1 - share) + after * share
        return result


@dataclass(frozen=True)
class RangeDoppler:
    """A placement of longitudes and latitudes (WGS 84) in a ground-range image, at a height above the ellipsoid.

    Times count from the first line.
    """

    orbit: Orbit
    ground_range: GroundRange
    line_seconds: float
    pixel_metres: float

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows."""
        places = np.stack(_TO_SPACE.transform(xs, ys, np.full_like(xs, height)), axis=1)
        times, distances = self.orbit.passes(places)
        cols = self.ground_range(times, distances) / self.pixel_metres + 0.5
        return cols, times / self.line_seconds + 0.5


_TO_SPACE = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def range_doppler(annotation: ET.Element) -> RangeDoppler:
    """Read the geometry of a GRD product from its annotation; raises ValueError where it is incomplete."""
    image = _found(annotation, ".//imageInformation")
    begin = _moment(image, "productFirstLineUtcTime")
    states = annotation.findall(".//orbitList/orbit")
    if not _FEWEST_STATES <= len(states) <= _MOST_RECORDS:
        raise ValueError(f"{len(states)} states of the orbit; expected {_FEWEST_STATES} or more")
    if frames := {state.findtext("frame") for state in states} - {"Earth Fixed"}:
        raise ValueError(f"an orbit in the frame {frames.pop()!r}; expected one that is fixed to the Earth")
    orbit = Orbit(
        np.array([(_moment(state, "time") - begin).total_seconds() for state in states]),
        *(
            np.array([[_number(state, f"{kind}/{axis}") for axis in "xyz"] for state in states])
            for kind in ("position", "velocity")
        ),
    )
    records = annotation.findall(".//coordinateConversionList/coordinateConversion")
    if not 0 < len(records) <= _MOST_RECORDS:
        raise ValueError("no polynomials from slant to ground range")
    ground_range = GroundRange(
        np.array([(_moment(record, "azimuthTime") - begin).total_seconds() for record in records]),
        np.array([_number(record, "sr0") for record in records]),
        tuple(_numbers(record, "srgrCoefficients") for record in records),
    )
    for name, times in (("states of the orbit", orbit.times), ("polynomials", ground_range.times)):
        if not all(after > before for before, after in pairwise(times)):
            raise ValueError(f"the {name} are not in the order of time")
    steps = _number(image, "azimuthTimeInterval"), _number(image, "rangePixelSpacing")
    if min(steps) <= 0:
        raise ValueError("a spacing of pixels that is not above zero")
    return RangeDoppler(orbit, _in_step(ground_range, annotation, begin, steps[1]), *steps)


def _in_step(conversion: GroundRange, annotation: ET.Element, begin: datetime, pixel_metres: float) -> GroundRange:
    """Shift the polynomials in time so that they agree with the product's own geolocation grid.

    They are given every second. In real products the grid is met within a hundredth of a pixel where each one holds
    for the line that comes up to 0.4 s before its time, one of them for the first line; straight between the times
    as given it is missed by up to 1.5 pixels in mountains, whose heights the polynomials follow.
    """
    points = annotation.findall(".//geolocationGridPoint")
    if not 0 < len(points) <= _MOST_RECORDS:
        return conversion
    times = np.array([(_moment(point, "azimuthTime") - begin).total_seconds() for point in points])
    ranges = np.array([_number(point, "slantRangeTime") for point in points]) * LIGHT / 2
    pixels = np.array([_number(point, "pixel") for point in points])
    nearest = float(conversion.times[np.abs(conversion.times).argmin()])
    shifted = [replace(conversion, times=conversion.times - shift) for shift in (0.0, nearest)]
    return min(shifted, key=lambda one: float(np.square(one(times, ranges) / pixel_metres - pixels).mean()))


def _found(parent: ET.Element, path: str) -> ET.Element:
    element = parent.find(path)
    if element is None:
        raise ValueError(f"no {path.rpartition('/')[2]}")
    return element


def _number(parent: ET.Element, path: str) -> float:
    value = float(_found(parent, path).text or "")
    if not math.isfinite(value):
        raise ValueError(f"{path} is no finite number")
    return value


def _numbers(parent: ET.Element, path: str) -> Numbers:
    values = np.array((_found(parent, path).text or "").split(), dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"{path} is no list of finite numbers")
    return values


def _moment(parent: ET.Element, path: str) -> datetime:
    return datetime.fromisoformat((_found(parent, path).text or "").strip())
