"""Base maps that the page may lie on: none from elsewhere unless the operator names them."""

import re
from typing import Any
from urllib.parse import urlsplit

import xyzservices.providers

from geosar_tiler.settings import Settings

MAXIMUM_ZOOM = 19
_OF_WMTS = {"TileMatrix": "z", "TileRow": "y", "TileCol": "x"}
"""What a WMTS URL calls the place of a tile; on the web's usual grid these are zoom, row and column."""
_PLACE = re.compile(r"\{(TileMatrix|TileRow|TileCol)\}", re.IGNORECASE)


def basemap(settings: Settings) -> dict[str, Any] | None:
    """Return the base map that is shown by default, None without one; raises ValueError for an unknown name."""
    if settings.basemap is None:
        return None
    return _base_map(settings.basemap, name="", credit=settings.basemap_attribution or "")


def basemaps(settings: Settings) -> list[dict[str, Any]]:
    """Return all base maps that can be chosen, the default first; raises ValueError for one that is none."""
    default = basemap(settings)
    chosen = [] if default is None else [default]
    for entry in settings.basemaps:
        name, *rest = (part.strip() for part in entry.split("|"))
        place, credit, *more = (*(rest or [name]), "")[:3]
        if more and more != [""]:
            raise ValueError(f"{entry!r} is no base map; expected NAME, or NAME|URL|CREDIT.")
        chosen.append(_base_map(place, name=name, credit=credit))
    return chosen


def _base_map(place: str, *, name: str, credit: str) -> dict[str, Any]:
    url = _PLACE.sub(lambda match: f"{{{_OF_WMTS[_spelt(match[1])]}}}", place)
    if "{z}" in url:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or set(parts.netloc) & set(" ;,'\""):
            raise ValueError(
                f"{place!r} is no URL of a base map; expected one such as https://host/{{z}}/{{x}}/{{y}}.png."
            )
        described = {"url": url, "attribution": "", "max_zoom": MAXIMUM_ZOOM, "subdomains": "abc", "name": parts.netloc}
    else:
        try:
            provider = xyzservices.providers.query_name(place)
        except ValueError:
            raise ValueError(
                f"there is no base map {place!r}; expected a name that xyzservices knows, such as "
                "OpenStreetMap.Mapnik, or a URL with {z}, {x} and {y}, or with a WMTS's {TileMatrix}, {TileCol} "
                "and {TileRow} on the grid of web maps.",
            ) from None
        described = {
            # Leaflet fills in the tile's place and the subdomain, the provider everything else.
            "url": provider.build_url(x="{x}", y="{y}", z="{z}", fill_subdomain=False, scale_factor="{r}"),
            "attribution": provider.get("html_attribution", provider.attribution),
            "max_zoom": provider.get("max_zoom", MAXIMUM_ZOOM),
            "subdomains": provider.get("subdomains", "abc"),
            "name": provider.name.replace(".", " "),
        }
    return {**described, "attribution": credit or described["attribution"], "name": name or described["name"]}


def _spelt(word: str) -> str:
    return next(name for name in _OF_WMTS if name.lower() == word.lower())


def origin_of(provider: dict[str, Any]) -> str:
    """Return where a base map's tiles come from, as a Content-Security-Policy names it.

    >>> origin_of({"url": "https://{s}.example.org/{z}/{x}/{y}.png"})
    'https://*.example.org'
    """
    place = urlsplit(provider["url"])
    return f"{place.scheme}://{place.netloc.replace('{s}.', '*.')}"
