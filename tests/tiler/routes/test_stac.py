"""STAC: items that a client finds by place, time and collection, and can follow."""

import os
import subprocess
import sys
from typing import Any

import pystac
import pystac_client
import pytest
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import DataType, RasterExtension, Sampling
from pystac.extensions.render import RenderExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from starlette.testclient import TestClient

from helpers.service import problem
from helpers.service.serving import on_a_port


def test_the_root_leads_everywhere(client: TestClient) -> None:
    root = client.get("/stac").json()
    assert {"self", "root", "data", "search", "child", "conformance"} <= {link["rel"] for link in root["links"]}
    for link in root["links"]:
        if link["rel"] in {"data", "child", "conformance"}:
            assert client.get(link["href"]).status_code == 200
    assert pystac.Collection.from_dict(client.get("/stac/collections/results").json()).id == "results"


def test_a_result_is_found_by_its_place_and_its_image_opens(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    answer = client.post("/stac/search", json={"collections": ["results"], "bbox": scene["bbox"]}).json()
    assert [feature["id"] for feature in answer["features"]] == [job["jobID"]]
    item = pystac.Item.from_dict(answer["features"][0])
    assert item.properties["geosar:synthetic"] is True
    assert client.get(item.assets["optical"].href).content.startswith(b"II*\0")
    links = {link["rel"]: link["href"] for link in answer["features"][0]["links"]}
    assert client.get(links["derived_from"]).json()["id"] == scene["id"]
    assert client.get(links["tiles"]).json()["synthetic"] is True
    assert client.get(f"/stac/collections/results/items/{job['jobID']}").json()["id"] == job["jobID"]


def test_search_narrows_and_pages(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    def ids(query: str) -> list[str]:
        return [feature["id"] for feature in client.get(f"/stac/search?{query}").json()["features"]]

    assert ids("bbox=0,0,1,1") == []
    assert ids("collections=scenes&ids=" + scene["id"]) == [scene["id"]]
    assert ids("datetime=2001-01-01T00:00:00Z/2002-01-01T00:00:00Z") == []
    both = ids("limit=100")
    assert {scene["id"], job["jobID"]} <= set(both)
    walked: list[str] = []
    page = client.get("/stac/search?limit=1").json()
    while True:
        walked += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        page = client.get(following[0]).json()
    assert walked == both


def test_pystac_client_finds_a_result_by_its_place_and_opens_its_image(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    with on_a_port(client) as address:
        catalog = pystac_client.Client.open(f"{address}/stac")
        assert {one.id for one in catalog.get_collections()} == {"scenes", "results"}
        search = catalog.search(collections=["results"], bbox=scene["bbox"], sortby="-properties.created", limit=1)
        item = next(one for one in search.items() if one.id == job["jobID"])
        assert search.matched() >= 1
        # By GDAL over HTTP, in ranges; in a process of its own, as GDAL holds Python's lock while it waits for us.
        program = (
            f"import rasterio; image = rasterio.open({item.assets['optical'].href!r})\n"
            "print(image.shape, image.read(1, window=((100, 101), (600, 601)))[0, 0] > 0)"
        )
        # What a service tells GDAL here is not told to a client elsewhere.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GDAL_", "CPL_", "VSI_"))}
        ran = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60, env=clean
        )
        assert ran.stdout.strip() == "(600, 700) True"
        outside = catalog.search(intersects={"type": "Point", "coordinates": [0, 0]})
        assert list(outside.items()) == []


def test_items_and_collections_are_what_the_schemas_of_stac_say(client: TestClient, job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    schemas = JsonSchemaSTACValidator()
    features = client.get("/stac/search?limit=100").json()["features"]
    assert {feature["collection"] for feature in features} == {"scenes", "results"}
    for feature in features:
        schemas.validate_core(feature, pystac.STACObjectType.ITEM, "1.1.0")
        assert any("/render/v2" in url for url in feature["stac_extensions"])
        renders = feature["properties"]["renders"]
        assert renders
        for render in renders.values():
            assert set(render["assets"]) <= set(feature["assets"])
            assert len(render["rescale"]) == len(render["bidx"])
    for one in client.get("/stac/collections").json()["collections"]:
        schemas.validate_core(one, pystac.STACObjectType.COLLECTION, "1.1.0")
    schemas.validate_core(client.get("/stac").json(), pystac.STACObjectType.CATALOG, "1.1.0")


def test_extensions_are_as_the_classes_of_others_read_them(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    """The item of the catalogue, that of the scene, and the one that `translate-geotiff --stac` writes.

    No package on the index has the schemas of the extensions; pystac knows names and types of their fields.
    """
    written = client.get(client.get(f"/jobs/{job['jobID']}/results").json()["stac"]["href"]).json()
    features = client.get("/stac/search", params={"ids": f"{scene['id']},{job['jobID']}"}).json()["features"]
    for one in (written, *features):
        item = pystac.Item.from_dict(one)
        assert ProjectionExtension.get_schema_uri() in one["stac_extensions"]
        place = ProjectionExtension.ext(item)
        assert place.code == "EPSG:32643"
        assert place.shape == [scene["height"], scene["width"]]
        assert place.bbox == pytest.approx([600_000, 1_194_000, 607_000, 1_200_000])
        assert place.transform is not None
        assert place.transform[0] == pytest.approx(10)
        known = {"code", "wkt2", "projjson", "geometry", "bbox", "centroid", "shape", "transform"}
        used = {name.partition(":")[2] for name in item.properties if name.startswith("proj:")}
        assert used <= known
        assert isinstance(item.properties["processing:lineage"], str)
        software = item.properties.get("processing:software", {})
        assert all(isinstance(version, str) for version in software.values())
    for item in map(pystac.Item.from_dict, features):
        for render in RenderExtension.ext(item).renders.values():
            assert set(render.assets) <= set(item.assets)
            assert all(low < high for low, high in render.rescale or ())
    for name in ("optical", "error"):
        for one in (written, next(one for one in features if one["collection"] == "results")):
            bands = RasterExtension.ext(pystac.Item.from_dict(one).assets[name]).bands
            assert bands
            for band in bands:
                assert (band.data_type, band.sampling, band.bits_per_sample) == (DataType.UINT8, Sampling.AREA, 8)


def test_search_by_shape_property_order_and_fields(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    def ids(**body: Any) -> list[str]:
        return [feature["id"] for feature in client.post("/stac/search", json=body).json()["features"]]

    west, south, east, north = scene["bbox"]
    middle = {"type": "Point", "coordinates": [(west + east) / 2, (south + north) / 2]}
    # A triangle whose box holds the scene, and whose area lies north-west of it.
    corners = [[west - 1, south - 0.1], [east + 0.1, north + 1], [west - 1, north + 1], [west - 1, south - 0.1]]
    beside = {"type": "Polygon", "coordinates": [corners]}
    both = {scene["id"], job["jobID"]}
    assert both <= set(ids(intersects=middle, limit=100))
    assert not both & set(ids(intersects=beside, limit=100))
    assert scene["id"] in ids(query={"title": {"startsWith": "fields"}, "geosar:unit": {"eq": "power"}}, limit=100)
    assert ids(query={"title": {"startsWith": "%"}}) == []
    assert ids(query={"geosar:model": {"in": ["tiny"]}}, collections=["results"], ids=[job["jobID"]]) == [job["jobID"]]
    assert ids(query={"created": {"lt": "2001-01-01T00:00:00Z"}}) == []
    forth = ids(sortby=[{"field": "properties.datetime", "direction": "asc"}, {"field": "id"}], limit=100)
    back = ids(sortby=[{"field": "datetime", "direction": "desc"}, {"field": "id", "direction": "desc"}], limit=100)
    assert forth != back
    moments = [client.get("/stac/search", params={"ids": one}).json()["features"][0] for one in forth]
    dates = [moment["properties"]["datetime"] for moment in moments]
    assert dates == sorted(dates)
    part = client.get(f"/stac/search?ids={scene['id']}&fields=properties.datetime,bbox").json()["features"][0]
    assert set(part) == {"id", "type", "collection", "properties", "bbox"}
    assert set(part["properties"]) == {"datetime"}
    less = client.get(f"/stac/search?ids={scene['id']}&fields=-geometry,-properties.renders").json()["features"][0]
    assert "geometry" not in less
    assert "renders" not in less["properties"]
    assert "assets" in less


@pytest.mark.parametrize(
    "body",
    [
        {"intersects": {"type": "Point", "coordinates": []}},
        {"intersects": {"type": "Cube"}},
        {"intersects": {"type": "Point", "coordinates": [400, 0]}},
        {"intersects": {"type": "Point", "coordinates": [0, 0]}, "bbox": [0, 0, 1, 1]},
        {"query": {"secret": {"eq": 1}}},
        {"query": {"title": {"like": "x"}}},
        {"query": {"created": {"gt": "soon"}}},
        {"query": {"created": {"contains": "2"}}},
        {"sortby": [{"field": "geometry"}]},
    ],
)
def test_a_search_by_body_that_makes_no_sense_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    problem(client.post("/stac/search", json=body), 422)


@pytest.mark.parametrize(
    "query",
    ["bbox=1,2", "datetime=yesterday", "limit=0", "intersects={", "query=[1]", "sortby=-geometry", 'query={"id":1}'],
)
def test_a_search_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    problem(client.get(f"/stac/search?{query}"), 422)
    problem(client.get("/stac/collections/none/items"), 404)
