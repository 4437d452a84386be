"""STAC: items that a client finds by place, time and collection, and can follow."""

from typing import Any

import pystac
import pytest
from service import problem
from starlette.testclient import TestClient


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
    found = client.post("/stac/search", json={"collections": ["results"], "bbox": scene["bbox"]}).json()
    assert [feature["id"] for feature in found["features"]] == [job["jobID"]]
    item = pystac.Item.from_dict(found["features"][0])
    assert item.properties["geosar:synthetic"] is True
    assert client.get(item.assets["optical"].href).content.startswith(b"II*\0")
    links = {link["rel"]: link["href"] for link in found["features"][0]["links"]}
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


@pytest.mark.parametrize("query", ["bbox=1,2", "datetime=yesterday", "limit=0"])
def test_a_search_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    problem(client.get(f"/stac/search?{query}"), 422)
    problem(client.get("/stac/collections/none/items"), 404)
