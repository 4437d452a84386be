"""URLs of the QGIS client: what it makes, and what it reads back."""

import doctest

import pytest
from geosar_qgis.client import urls
from geosar_qgis.client.urls import (
    UrlError,
    join,
    place_of,
    service_url,
    template_in,
    tile_template,
    within,
    xyz_uri,
)

BASE = "https://sar.example.org/geosar"


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(urls).failed == 0


@pytest.mark.parametrize("text", ["", "ftp://host/", "http://", "http://ho st/", "http://host:port/", "/path"])
def test_what_is_no_url_is_refused_in_words(text: str) -> None:
    with pytest.raises(UrlError, match="expected something like"):
        service_url(text)


def test_a_password_in_the_url_is_refused_because_it_would_be_saved() -> None:
    with pytest.raises(UrlError, match="authentication configuration"):
        service_url("https://user:secret@host/")


def test_parts_of_a_path_are_quoted_and_parameters_without_value_left_out() -> None:
    assert join(BASE, "scenes", "a/../b c", limit=5, job=None) == f"{BASE}/scenes/a%2F..%2Fb%20c?limit=5"


def test_a_tile_url_survives_the_way_into_a_layer_source_and_back() -> None:
    template = tile_template(BASE, "abc", "error", "colormap_name=magma&v=1&expires=20&signature=ff%2F0")
    uri = xyz_uri(template, 7, 14, authcfg="k123456")
    assert uri.endswith("&zmin=7&zmax=14&authcfg=k123456")
    assert "signature=ff" not in uri, "its & would end the URL"
    assert template_in(uri) == template
    place = place_of(template)
    assert place is not None
    assert (place.base, place.scene, place.layer) == (BASE, "abc", "error")
    assert place.unsigned == {"colormap_name": "magma"}


def test_the_url_of_a_job_file_is_read_through_vsicurl() -> None:
    place = place_of(f"/vsicurl/{BASE}/jobs/77/results/optical?expires=1000&signature=f")
    assert place is not None
    assert (place.base, place.job, place.output) == (BASE, "77", "optical")


@pytest.mark.parametrize(("now", "over"), [(0, False), (99, False), (101, True), (5000, True)])
def test_a_signature_counts_as_over_a_while_before_it_is(now: float, over: bool) -> None:
    place = place_of(f"{BASE}/jobs/7/results/optical?expires=1000&signature=f")
    assert place is not None
    assert place.expires(now, margin=900) is over


def test_a_url_without_signature_never_expires() -> None:
    place = place_of(f"{BASE}/jobs/7/results/optical")
    assert place is not None
    assert not place.expires(now=1e12)


@pytest.mark.parametrize("url", ["https://tile.example.org/{z}/{x}/{y}.png", "/home/me/scene.tif", ""])
def test_other_peoples_layers_are_left_alone(url: str) -> None:
    assert place_of(url) is None


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        (f"{BASE}/scenes", True),
        (f"{BASE}?f=html", True),
        (BASE, True),
        (f"{BASE}.evil.org/x", False),
        ("http://a", False),
    ],
)
def test_a_key_goes_only_below_the_url_of_the_connection(url: str, inside: bool) -> None:
    assert within(BASE, url) is inside
