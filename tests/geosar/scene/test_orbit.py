"""Range-Doppler geometry of three real products, against their own geolocation grids and by other means."""

import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import pytest

from geosar.scene.placement.orbit import RangeDoppler, range_doppler
from helpers.rasters.sentinel1 import PRODUCTS, annotation, control_points


def geometry(name: str) -> RangeDoppler:
    return range_doppler(ET.fromstring(annotation(name)))  # noqa: S314


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_control_point_at_its_own_height_lies_where_the_product_says(name: str) -> None:
    place = geometry(name)
    for point in control_points(name):
        (col,), (row,) = place(np.array([point.x]), np.array([point.y]), point.z or 0.0)
        # The product counts from the centre of the first pixel.
        assert col - 0.5 == pytest.approx(point.col, abs=0.5)
        assert row - 0.5 == pytest.approx(point.row, abs=0.25)


def test_the_way_between_the_states_is_that_of_a_polynomial_through_all_of_them() -> None:
    orbit = geometry("s1b_iw_alps").orbit
    times = np.linspace(orbit.times[3], orbit.times[-4], 97)
    middle, span = orbit.times.mean(), np.ptp(orbit.times)
    position, velocity, _ = orbit(times)
    for axis in range(3):
        fitted = np.polynomial.Polynomial.fit((orbit.times - middle) / span, orbit.positions[:, axis], 9)
        np.testing.assert_allclose(position[:, axis], fitted((times - middle) / span), atol=0.01)
        np.testing.assert_allclose(velocity[:, axis], fitted.deriv()((times - middle) / span) / span, atol=0.01)


def test_a_place_that_the_satellite_does_not_pass_has_no_place_in_the_image() -> None:
    cols, rows = geometry("s1b_iw_alps")(np.array([100.0]), np.array([-40.0]), 0.0)
    assert np.isnan(cols).all()
    assert np.isnan(rows).all()


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (".//orbit/time", "yesterday", "isoformat"),
        (".//orbit/position/x", "nan", "no finite number"),
        (".//orbit/frame", "Inertial", "fixed to the Earth"),
        (".//srgrCoefficients", "", "no list of finite numbers"),
        (".//imageInformation/azimuthTimeInterval", "0", "above zero"),
        (".//coordinateConversion/azimuthTime", "2031-01-01T00:00:00", "order of time"),
    ],
)
def test_a_damaged_annotation_says_what_is_wrong(path: str, text: str, message: str) -> None:
    tree = ET.fromstring(annotation("s1b_iw_alps"))  # noqa: S314
    element = tree.find(path)
    assert element is not None
    element.text = text
    with pytest.raises(ValueError, match=message):
        range_doppler(tree)


def test_times_count_from_the_first_line() -> None:
    tree = ET.fromstring(annotation("s1b_iw_alps"))  # noqa: S314
    first = datetime.fromisoformat(tree.findtext(".//productFirstLineUtcTime", ""))
    state = datetime.fromisoformat(tree.findtext(".//orbit/time", ""))
    assert range_doppler(tree).orbit.times[0] == pytest.approx((state - first).total_seconds())
