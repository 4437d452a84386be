"""The map itself: folium's, with Leaflet and our controls inside, so that it needs nothing from anywhere."""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import folium
from branca.element import Element, MacroElement
from folium.template import Template
from folium.utilities import get_and_assert_figure_root
from xstatic.pkg import leaflet

import geosar
from geosar.errors import GridMismatchError, TargetError, UsageError
from geosar.publish import published
from geosar_webmap.mapfile.layers import Layer

MOST_LAYERS = 12
"""More would be a file that browsers open with difficulty."""

_LEAFLET = Path(leaflet.BASE_DIR)
_ASSETS = files("geosar_webmap.mapfile") / "assets"
_ORDER = {"sar": 0, "optical": 1, "error": 2}
_CLEAR = {"sar": 1.0, "optical": 1.0, "error": 0.8}
_MEDIA = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}


def _url(content: bytes, name: str) -> str:
    return f"data:{_MEDIA[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"


def _asset(path: Path | Traversable) -> tuple[str, str]:
    """Return a file as folium wants a script or style: its name, and a URL, which is its content."""
    content = path.read_bytes()
    if path.name == "leaflet.css":  # the pictures that it names come along
        pictures = re.sub(
            r"url\((images/[\w-]+\.png)\)",
            lambda match: f"url({_url((_LEAFLET / match[1]).read_bytes(), match[1])})",
            content.decode(),
        )
        content = pictures.encode()
    return path.name, _url(content, path.name)


class SarMap(folium.Map):
    """A map of layers, to be saved or shown in a notebook; it takes further elements as any map of folium's does.

    `layers` are drawn in the order SAR, optical, error. `basemap` is an XYZ URL or the name of a provider that
    xyzservices knows; without one the map asks the network for nothing. Raises UsageError for no or too many layers,
    GridMismatchError where they do not lie on one map.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        title: str = "SAR and optical",
        basemap: str | None = None,
        attribution: str | None = None,
        **options: Any,
    ) -> None:
        layers = _in_one_world(layers)
        _check(layers)
        self.layers = tuple(sorted(layers, key=lambda layer: _ORDER[layer.role]))
        on_earth = self.layers[0].georeferenced
        (south, west), (north, east) = _hull(self.layers)
        super().__init__(
            location=((south + north) / 2, (west + east) / 2), tiles=None, control_scale=False, zoom_control=False,
            crs="EPSG3857" if on_earth else "Simple", min_zoom=0 if on_earth else -8,
            **{"zoom_snap": 0.25, "zoom_delta": 0.5, "wheel_px_per_zoom_level": 100, **options},
        )  # fmt: skip
        self.default_js = [_asset(_LEAFLET / "leaflet.js"), _asset(_ASSETS / "map.js")]
        self.default_css = [_asset(_LEAFLET / "leaflet.css"), _asset(_ASSETS / "map.css")]
        root = get_and_assert_figure_root(self)
        root.title = html.escape(title)
        root.height = "620px"  # in a notebook
        if basemap is not None:
            if not on_earth:
                raise UsageError("A base map needs layers with a georeference; these have none. Leave it out.")
            self.add_child(_tiles_of(basemap, attribution))
        root.header.add_child(Element(_policy(self.layers, basemap)), name="geosar_policy", index=0)
        shown = [_element(layer, number) for number, layer in enumerate(self.layers)]
        for element in shown:
            self.add_child(element)
        self.add_child(_Controls(title, self.layers, shown))

    def to_html(self) -> str:
        """Return the whole page."""
        return str(self.get_root().render())

    def write(self, path: Path) -> Path:
        """Write the page; it appears under its name when it is whole. Raises TargetError."""
        try:
            with published(path) as part:
                part.write_text(self.to_html(), encoding="utf-8")
        except OSError as error:
            raise TargetError(f"{path} cannot be written: {error.strerror}. Is the disk full?") from error
        return path


class _Controls(MacroElement):
    """Hands the layers to the script in assets/map.js."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "geosarMap({{ this._parent.get_name() }}, {{ this.settings|tojson }}, [{{ this.shown|join(', ') }}]);"
        "{% endmacro %}"
    )

    def __init__(self, title: str, layers: Sequence[Layer], shown: Sequence[folium.map.Layer]) -> None:
        parent: Any = super()
        parent.__init__()
        self._name = "geosar_controls"
        self.shown = [element.get_name() for element in shown]
        self.settings = {
            "title": title,
            "version": geosar.__version__,
            "georeferenced": layers[0].georeferenced,
            "bounds": _hull(layers),
            "layers": [
                {**asdict(layer), "image": None, "tiles": None, "opacity": _CLEAR[layer.role]} for layer in layers
            ],
        }


def _element(layer: Layer, number: int) -> folium.map.Layer:
    """Make folium's element; the script in assets/map.js makes the pane that it is drawn in, and shows it."""
    common: dict[str, Any] = {"name": layer.name, "control": False, "show": False, "pane": f"geosar-{number}"}
    if layer.tiles is None:
        return folium.raster_layers.ImageOverlay(
            layer.image, layer.bounds, pixelated=False, alt=layer.notice or layer.name, **common
        )
    tiles = layer.tiles
    return folium.TileLayer(
        tiles["tiles"][0], attr=html.escape(f"tiles of {urlsplit(tiles['tiles'][0]).netloc}"), overlay=True,
        min_zoom=0, max_zoom=24, max_native_zoom=tiles.get("maxzoom", 18), min_native_zoom=tiles.get("minzoom", 0),
        bounds=layer.bounds, **common,
    )  # fmt: skip


def _tiles_of(basemap: str, attribution: str | None) -> folium.TileLayer:
    words = None if attribution is None else html.escape(attribution)
    try:
        return folium.TileLayer(basemap, attr=words, control=False, max_zoom=24)
    except ValueError as error:
        if "://" in basemap and "{z}" in basemap:
            raise UsageError(f"{basemap} needs the words that its makers want on the map: --attribution.") from error
        raise UsageError(
            f"{basemap!r} is no base map; give a URL such as https://host/{{z}}/{{x}}/{{y}}.png, or the name of a "
            "provider such as OpenStreetMap.Mapnik or CartoDB.Positron."
        ) from error


def _policy(layers: Sequence[Layer], basemap: str | None) -> str:
    """Tell the browser what the page may load: what is in it, and pictures from elsewhere only if it has tiles."""
    tiles = basemap is not None or any(layer.tiles for layer in layers)
    return (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"img-src data:{' https: http:' if tiles else ''}; "
        "script-src 'unsafe-inline' data:; style-src 'unsafe-inline' data:\">"
    )


def _check(layers: Sequence[Layer]) -> None:
    if not layers:
        raise UsageError("There is no layer; give at least one raster.")
    if len(layers) > MOST_LAYERS:
        raise UsageError(
            f"There are {len(layers)} layers; a map holds {MOST_LAYERS} at most. Make several maps, or choose one "
            "polarisation of each scene with --pol."
        )
    first = layers[0]
    for other in layers[1:]:
        if other.georeferenced != first.georeferenced:
            with_place, without = (first, other) if first.georeferenced else (other, first)
            raise GridMismatchError(
                f"{with_place.detail} has a georeference and {without.detail} has none; expected both to have one, or "
                "neither. Give the second a georeference, with gdal_edit for example."
            )
        if not first.georeferenced and other.shape != first.shape:
            raise GridMismatchError(
                f"{first.detail} has {first.shape[1]} x {first.shape[0]} pixels, {other.detail} {other.shape[1]} x "
                f"{other.shape[0]}; without a georeference both must have the same size to lie on one map."
            )
        if not _touch(first, other):
            raise GridMismatchError(
                f"{first.detail} lies at {_place(first)}, {other.detail} at {_place(other)}: they do not overlap. "
                "Expected layers of one place; make a map for each."
            )


def _in_one_world(layers: Sequence[Layer]) -> list[Layer]:
    """Count the longitudes of all layers from where the first one lies: -179 beside 179 is 181."""
    moved = []
    for layer in layers:
        (south, west), (north, east) = layer.bounds
        first = layers[0].bounds
        turn = 360.0 * round(((first[0][1] + first[1][1]) - (west + east)) / 720) if layer.georeferenced else 0.0
        moved.append(replace(layer, bounds=((south, west + turn), (north, east + turn))) if turn else layer)
    return moved


def _touch(one: Layer, other: Layer) -> bool:
    (south, west), (north, east) = one.bounds
    (s, w), (n, e) = other.bounds
    return south < n and s < north and west < e and w < east


def _place(layer: Layer) -> str:
    (south, west), (north, east) = layer.bounds
    return f"longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}"


def _hull(layers: Sequence[Layer]) -> tuple[tuple[float, float], tuple[float, float]]:
    souths, wests = zip(*(layer.bounds[0] for layer in layers), strict=True)
    norths, easts = zip(*(layer.bounds[1] for layer in layers), strict=True)
    return (min(souths), min(wests)), (max(norths), max(easts))
