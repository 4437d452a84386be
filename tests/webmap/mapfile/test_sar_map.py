"""The map file: whole in itself, and made of layers that belong together."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import folium
import numpy as np
import pytest

from geosar.errors import GridMismatchError, TargetError, UsageError
from geosar_webmap.mapfile.layers import ERROR_LEGEND, Layer
from geosar_webmap.mapfile.pictures import data_url
from geosar_webmap.mapfile.sar_map import MOST_LAYERS, SarMap

DOT = data_url(np.full((2, 2, 4), 255, np.uint8))
SAR = Layer(
    role="sar", name="SAR VV", detail="a_vv.tif", bounds=((10.0, 20.0), (11.0, 21.0)), shape=(90, 90), image=DOT
)
OPTICAL = replace(SAR, role="optical", name="Synthetic optical", detail="a_optical.tif", notice="Synthetic colours.")
ERROR = replace(SAR, role="error", name="Expected error", detail="a.error.tif", legend=ERROR_LEGEND)
FLAT = replace(SAR, georeferenced=False, bounds=((0.0, 0.0), (90.0, 90.0)))


def test_nothing_is_asked_of_the_network() -> None:
    page = SarMap([SAR, OPTICAL, ERROR]).to_html()
    loaded = re.findall(r'(?:src|href)="([^"]{0,40})|url\(([^)]{0,40})', page)
    assert len(loaded) == 4  # Leaflet's script and style, and ours
    assert all("".join(one).startswith("data:") for one in loaded)
    assert "default-src 'none'; img-src data:;" in page
    assert page.index("Content-Security-Policy") < page.index("<script")


def test_leaflets_own_pictures_come_along() -> None:
    (style,) = (address for name, address in SarMap([SAR]).default_css if name == "leaflet.css")
    text = base64.b64decode(style.partition(",")[2]).decode()
    assert "url(data:image/png;base64," in text
    assert "url(images/" not in text


def test_layers_are_drawn_in_the_order_sar_optical_error() -> None:
    assert [layer.role for layer in SarMap([ERROR, OPTICAL, SAR]).layers] == ["sar", "optical", "error"]


def test_it_is_a_map_of_folium_that_takes_more() -> None:
    sar_map = SarMap([SAR])
    folium.Marker((10.5, 20.5)).add_to(sar_map)
    assert "L.marker" in sar_map.to_html()
    assert "<iframe" in sar_map._repr_html_()


def test_names_full_of_markup_stay_text() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    layers = [replace(SAR, name=evil, detail=evil), replace(OPTICAL, notice=evil)]
    page = SarMap(layers, title=f"{evil}</title>", basemap="https://host/{z}/{x}/{y}.png", attribution=evil).to_html()
    assert "<img" not in page
    assert page.count("</title>") == 1
    assert page.count("</script>") == page.count("<script")


def test_a_base_map_is_a_url_or_a_name_and_lets_pictures_in() -> None:
    page = SarMap([SAR], basemap="https://host/{z}/{x}/{y}.png", attribution="the host").to_html()
    assert "https://host/{z}/{x}/{y}.png" in page
    assert "img-src data: https: http:" in page
    assert "openstreetmap.org" in SarMap([SAR], basemap="OpenStreetMap.Mapnik").to_html()


@pytest.mark.parametrize(
    ("layers", "options", "kind", "reason"),
    [
        ([], {}, UsageError, "at least one"),
        ([SAR] * (MOST_LAYERS + 1), {}, UsageError, "13 layers; a map holds 12"),
        (
            [SAR, replace(OPTICAL, bounds=((50.0, 20.0), (51.0, 21.0)))],
            {},
            GridMismatchError,
            r"a_vv.tif lies at longitude 20.000 to 21.000, .*a_optical.tif .*do not overlap",
        ),
        ([SAR, replace(FLAT, detail="b.png")], {}, GridMismatchError, "a_vv.tif has a georeference and b.png has none"),
        ([FLAT, replace(FLAT, shape=(8, 9), detail="b.png")], {}, GridMismatchError, "90 x 90 pixels, b.png 9 x 8"),
        ([FLAT], {"basemap": "OpenStreetMap.Mapnik"}, UsageError, "needs layers with a georeference"),
        ([SAR], {"basemap": "Nowhere"}, UsageError, "'Nowhere' is no base map"),
        ([SAR], {"basemap": "https://host/{z}/{x}/{y}.png"}, UsageError, "--attribution"),
    ],
)
def test_what_makes_no_map_is_refused(
    layers: list[Layer], options: dict[str, str], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        SarMap(layers, **options)


def test_layers_across_the_antimeridian_lie_beside_their_neighbours() -> None:
    east = replace(SAR, bounds=((10.0, 179.0), (11.0, 181.0)))
    west = replace(OPTICAL, bounds=((10.0, -180.0), (11.0, -179.5)))
    bounds = [layer.bounds for layer in SarMap([east, west]).layers]
    assert bounds[1] == ((10.0, 180.0), (11.0, 180.5))


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"missing/a\.html cannot be written"):
        SarMap([SAR]).write(tmp_path / "missing" / "a.html")
    assert SarMap([SAR]).write(tmp_path / "a.html") == tmp_path / "a.html"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
