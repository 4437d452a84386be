"""Places by their names, from the geocoder that the operator gives: asked by the service, so that the page asks nobody.

A visitor's IP address and keys stay here, the page's security policy stays closed, and what comes back is bounded.
"""

import http.client
import json
import math
import ssl
import threading
import time
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import geosar
from geosar_tiler.errors import NotFoundError, OverloadedError, ServiceError
from geosar_tiler.ingest.allow_list import PORTS
from geosar_tiler.ingest.pinned_connections import Pinned

SECONDS = 8.0
MOST_BYTES = 512 * 1024
MOST_PLACES = 8
AT_ONCE = 4
LONGEST_NAME = 300


class GeocoderError(ServiceError):
    """The geocoder did not answer, or with something that is no list of places."""

    status = 503


class Geocoder:
    """Asks one URL, in which {query} stands for the words; understands Nominatim's JSON and any GeoJSON."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._asking = threading.Semaphore(AT_ONCE)

    def places(self, words: str) -> list[dict[str, Any]]:
        """Return name, longitude and latitude of some places, and `bbox` (west, south, east, north) where it is known.

        Raises NotFoundError where there is no geocoder, OverloadedError, GeocoderError.
        """
        if self._url is None:
            raise NotFoundError("this service knows no places by name; find them by coordinates.")
        if not self._asking.acquire(blocking=False):
            raise OverloadedError("too many places are being looked for. Ask again in a moment.")
        try:
            return places_in(_answer(self._url.replace("{query}", quote(words, safe=""))))
        finally:
            self._asking.release()


def _answer(url: str) -> Any:
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context() if parts.scheme == "https" else None
    headers = {"Accept": "application/json", "User-Agent": f"geosar/{geosar.__version__}"}
    end = time.monotonic() + SECONDS
    try:
        connection = Pinned(host, parts.port or PORTS[parts.scheme], [host], context)
        with closing(connection), connection.until(end):
            connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=headers)
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise GeocoderError(
                    f"the geocoder answered {response.status}. Try again, or find the place by coordinates."
                )
            content = b""
            while part := response.read1(65536):
                content += part
                if len(content) > MOST_BYTES or time.monotonic() > end:
                    raise GeocoderError("the geocoder's answer is too long. Say more exactly which place is meant.")
            return json.loads(content)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise GeocoderError("the geocoder did not answer. Find the place by coordinates.") from error


def places_in(answer: Any) -> list[dict[str, Any]]:
    """Read the places in an answer; raises GeocoderError where it is none.

    >>> places_in([{"display_name": "Riga", "lat": "56.9", "lon": "24.1"}])
    [{'name': 'Riga', 'longitude': 24.1, 'latitude': 56.9}]
    """
    listed = answer.get("features") if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise GeocoderError("the geocoder answered with something that is no list of places.")
    places = []
    for one in listed[:MOST_PLACES]:
        try:
            places.append(_feature(one) if "geometry" in one else _entry(one))
        except (TypeError, ValueError, KeyError, IndexError):
            continue
    return places


def _entry(one: dict[str, Any]) -> dict[str, Any]:
    """Read one of Nominatim's entries."""
    box = one.get("boundingbox")
    return _place(one["display_name"], one["lon"], one["lat"], [box[2], box[0], box[3], box[1]] if box else None)


def _feature(one: dict[str, Any]) -> dict[str, Any]:
    """Read a feature of GeoJSON, as Photon, Pelias and Nominatim write them."""
    properties = one.get("properties") or {}
    parts = [properties.get(name) for name in ("name", "city", "state", "country")]
    words = properties.get("display_name") or properties.get("label") or ", ".join(dict.fromkeys(filter(None, parts)))
    longitude, latitude = one["geometry"]["coordinates"][:2]
    return _place(words, longitude, latitude, one.get("bbox"))


def _place(name: Any, longitude: Any, latitude: Any, box: Any) -> dict[str, Any]:
    x, y = float(longitude), float(latitude)
    if not name or not (math.isfinite(x) and abs(x) <= 360 and abs(y) <= 90):
        raise ValueError
    place = {"name": str(name)[:LONGEST_NAME], "longitude": x, "latitude": y}
    sides = [float(side) for side in box or []]
    if len(sides) == 4 and all(map(math.isfinite, sides)) and sides[1] <= sides[3]:
        place["bbox"] = sides
    return place
