"""What a sender says of a scene is heard on every way, and can be said of a scene that is there."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from helpers.rasters import speckled, write_raster
from helpers.service import MakeRaster, MakeService, open_service, problem, services_of, wait
from helpers.service.tus_client import begin, piece, send_whole

FILL = -7777.0
KEYS = {"read": "reading", "write": "writing"}
HASHED = tuple(f"{scope}:{hashlib.sha256(key.encode()).hexdigest()}" for scope, key in KEYS.items())
KEY_OF = {scope: {"authorization": f"Bearer {key}"} for scope, key in KEYS.items()}
SAID = {"band": {"VV": 3, "VH": 1}, "unit": "linear", "nodata": FILL, "mask_band": "none", "crs": "EPSG:32644"}
STATED = {
    "band": ["VV=3", "VH=1"], "unit": "power", "nodata": "-7777.0", "mask_band": "none", "crs": "EPSG:32644",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("addressed")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: Path, folder: Path) -> Iterator[TestClient]:
    store = tmp_path_factory.mktemp("stated") / "store"
    with open_service(store=store, model=str(model), allowed_hrefs=(str(folder),)) as client:
        yield client


def patch_of(make_raster: MakeRaster, seed: int = 5) -> bytes:
    """Three bands that say nothing of themselves, a quarter of them filled with a number that no tag declares."""
    values = speckled((3, 64, 64), seed=seed)
    values[:, :, :16] = FILL
    return make_raster("patch.tif", values).read_bytes()


def in_form(client: TestClient, body: bytes, _folder: Path) -> Any:
    words = {**SAID, "band": STATED["band"]}
    return client.post("/scenes", params=words, files={"file": ("patch.tif", body)})


def by_href(client: TestClient, body: bytes, folder: Path) -> Any:
    (folder / "patch.tif").write_bytes(body)
    return client.post("/scenes", json={"href": str(folder / "patch.tif"), **SAID})


def by_href_with_options_in_the_url(client: TestClient, body: bytes, folder: Path) -> Any:
    (folder / "patch.tif").write_bytes(body)
    words = {**SAID, "band": STATED["band"]}
    return client.post("/scenes", params=words, json={"href": str(folder / "patch.tif")})


def in_pieces(client: TestClient, body: bytes, _folder: Path) -> Any:
    words = {**{key: str(value) for key, value in SAID.items()}, "band": "VV=3,VH=1"}
    upload = send_whole(client, body, filename="patch.tif", **words)
    assert upload["status"] == "done", upload
    return client.get(f"/scenes/{upload['scene']}")


def joined(client: TestClient, body: bytes, _folder: Path) -> Any:
    path = begin(client, len(body), filename="patch.tif", hold="true")
    assert piece(client, path, 0, body).status_code == 204
    held = path.rpartition("/")[2]
    return client.post("/scenes", json={"uploads": {"VV": held}, **SAID, "band": {"VV": 3}})


WAYS = (in_form, by_href, by_href_with_options_in_the_url, in_pieces, joined)
Way = Callable[[TestClient, bytes, Path], Any]


def files_of(client: TestClient) -> set[str]:
    """Name all that the store holds, but for what it keeps for itself."""
    root = services_of(client).store.root
    return {
        str(path.relative_to(root)) for path in root.rglob("*")
        if path.parent != root and path.relative_to(root).parts[0] != "owners"
    }  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_send_a_scene_hears_what_is_said_of_it(
    service: TestClient, make_raster: MakeRaster, folder: Path, way: Way
) -> None:
    answer = way(service, patch_of(make_raster), folder)
    assert answer.status_code in {200, 201}, answer.text
    document = answer.json()
    described = document["description"]
    assert (described["unit"], described["crs"]) == ("power", "EPSG:32644")
    assert described["polarisations"][0] == "VV"
    assert described["statistics"]["1 VV"]["valid_fraction"] == pytest.approx(0.75)
    assert document["stated"] == {**STATED, "band": ["VV=3"] if way is joined else STATED["band"]}
    assert service.delete(f"/scenes/{document['id']}").status_code == 204
    assert not files_of(service) - {"owners"}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_stays_behind_of_what_cannot_be_read_as_said(
    service: TestClient, make_raster: MakeRaster, folder: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SAID, "mask_band", "7")
    body = patch_of(make_raster, seed=6)
    before, known = files_of(service), service.get("/scenes").json()["numberMatched"]
    if way is in_pieces:
        upload = send_whole(
            service, body, filename="patch.tif", **{key: str(value) for key, value in SAID.items() if key != "band"}
        )
        assert upload["status"] == "failed"
        assert upload["problem"]["status"] == 422
    else:
        problem(way(service, body, folder), 422)
    left = {name for name in files_of(service) - before if not name.startswith("uploads/")}
    assert not left
    if way is not joined:  # an upload that is held may be joined otherwise
        assert files_of(service) == before
    assert service.get("/scenes").json()["numberMatched"] == known


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("unit", "furlongs"), ("crs", "EPSG:99999999"), ("crs", "/etc/passwd"), ("crs", "https://example.org/crs.wkt"),
        ("nodata", "much"), ("mask_band", "first"), ("band", "VV=1,VV=2"), ("band", "VV"), ("polarisation", "VX"),
        ("keep_border", "perhaps"),
    ],
)  # fmt: skip
def test_a_word_that_means_nothing_is_refused_before_anything_comes(
    service: TestClient, make_raster: MakeRaster, word: str, value: str
) -> None:
    body = patch_of(make_raster, seed=7)
    before = files_of(service)
    bands: Any = value.split(",") if word == "band" else value
    in_query = problem(service.post("/scenes?filename=patch.tif", params={word: bands}, content=body), 422)
    in_json = problem(service.post("/scenes", json={"href": "https://example.org/a.tif", word: bands}), 422)
    with pytest.raises(AssertionError, match="422"):
        begin(service, len(body), filename="patch.tif", **{word: value})
    changed = problem(service.patch("/scenes/any", json={word: bands}), 422)
    for detail in (in_query, in_json, changed):
        assert value.rsplit(",", maxsplit=1)[-1] in detail or word in detail
        assert "Value error" not in detail
    assert files_of(service) == before


def test_a_word_that_is_unknown_or_said_twice_otherwise_is_refused(service: TestClient) -> None:
    assert "mask-band" in problem(service.post("/scenes?mask-band=1", content=b"II*\0"), 422)
    assert "two things" in problem(service.post("/scenes?unit=db&scale=power", content=b"II*\0"), 422)
    order = {"href": "https://example.org/a.tif", "unit": "db"}
    assert "unit" in problem(service.post("/scenes?unit=power", json=order), 422)


@pytest.fixture(scope="module")
def plain(service: TestClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Send what is amplitude and does not say so, of two bands without names, translated as it is taken at first."""
    path = write_raster(tmp_path_factory.mktemp("plain") / "plain.tif", np.sqrt(speckled((2, 96, 80), seed=8)))
    sent = service.post("/scenes?unit=power&band=VV=1&band=VH=2", files={"file": ("plain.tif", path.read_bytes())})
    assert sent.status_code == 201, sent.text
    scene_id = sent.json()["id"]
    yield prepared(service, scene_id)
    service.delete(f"/scenes/{scene_id}")


def prepared(client: TestClient, scene_id: str) -> dict[str, Any]:
    return wait(client, f"/scenes/{scene_id}", lambda answer: answer["display"]["state"] != "preparing")


def translated(client: TestClient, scene_id: str, **inputs: Any) -> str:
    response = client.post("/processes/translate/execution", json={"inputs": {"scene": scene_id, **inputs}})
    assert response.status_code == 200, response.text
    return str(response.headers["location"].rpartition("/")[2])


def point(client: TestClient, scene: dict[str, Any], layer: str = "sar") -> list[float]:
    west, south, east, north = scene["bbox"]
    answer = client.get(f"/scenes/{scene['id']}/{layer}/point/{(west + east) / 2},{(south + north) / 2}")
    assert answer.status_code == 200, answer.text
    values: list[float] = answer.json()["values"]
    return values


def test_a_scene_that_is_there_is_read_anew_and_what_was_made_before_is_said_to_be(
    service: TestClient, plain: dict[str, Any]
) -> None:
    scene_id, here = plain["id"], f"/scenes/{plain['id']}"
    job = translated(service, scene_id)
    tiles = service.get(f"{here}/sar/tilejson.json").json()["tiles"]
    was = point(service, plain)

    answer = service.patch(here, json={"unit": "amplitude", "band": {"VV": 2, "VH": 1}, "name": "Read anew"})
    assert answer.status_code == 200, answer.text
    now = answer.json()
    assert (now["name"], now["stated"]) == ("Read anew", {"unit": "amplitude", "band": ["VV=2", "VH=1"]})
    assert now["description"]["unit"] == "amplitude"
    # An amplitude's decibels are twice those that its number has as power, and the bands have changed places.
    expected = [2 * was[1], 2 * was[0]]
    assert point(service, now) == pytest.approx(expected, abs=0.03), "shown at once, from the scene itself"
    now = prepared(service, scene_id)
    assert now["display"]["state"] == "ready"
    assert point(service, now) == pytest.approx(expected, abs=0.03), "and from the copy"
    assert service.get(f"{here}/sar/tilejson.json").json()["tiles"] != tiles, "no cache shows what was"
    item = service.get(f"/stac/collections/scenes/items/{scene_id}").json()["properties"]
    assert (item["geosar:unit"], item["geosar:stated"]) == ("amplitude", now["stated"])
    statistics = now["description"]["statistics"]["1 VV"]
    assert statistics["p02"] < expected[0] < statistics["p98"]

    assert (now["jobs"], now["former_jobs"]) == ([job], [job])
    former = service.get(f"/jobs/{job}").json()["formerReading"]
    assert "unit power" in former
    assert "now it is read with unit amplitude" in former
    assert service.get(f"/jobs?scene={scene_id}").json()["jobs"][0]["formerReading"] == former
    assert service.get(f"/jobs/{job}/results").json()["report"]["value"]["formerReading"] == former
    result = service.get(f"/stac/collections/results/items/{job}").json()["properties"]
    assert result["geosar:former_reading"] == former
    assert former in service.get(f"{here}/optical/tilejson.json").json()["description"]

    new = translated(service, scene_id)
    assert new != job
    assert service.get(here).json()["former_jobs"] == [job]
    assert "formerReading" not in service.get(f"/jobs/{new}").json()
    assert "former" not in service.get(f"{here}/optical/tilejson.json").json()["description"]

    service.patch(here, json={"unit": "power", "band": {"VV": 1, "VH": 2}})
    assert service.get(here).json()["former_jobs"] == [new]
    assert point(service, prepared(service, scene_id)) == pytest.approx(was, abs=0.03)
    assert translated(service, scene_id) == job, "what was made with these words is there already"
    folder = services_of(service).store.scene(scene_id)
    assert sorted(path.name for path in folder.glob("*.tif")) == ["sar-2.tif"], "no copy of a former reading stays"


def test_a_scene_stays_as_it_was_when_it_cannot_be_read_as_said(service: TestClient, plain: dict[str, Any]) -> None:
    here = f"/scenes/{plain['id']}"
    before, held = service.get(here).json(), files_of(service)
    assert "9" in problem(service.patch(here, json={"band": {"VV": 9}}), 422)
    assert "nothing is given" in problem(service.patch(here, json={}), 422)
    problem(service.patch(here, json={"href": "https://example.org/a.tif"}), 422)
    problem(service.patch("/scenes/nowhere", json={"unit": "db"}), 404)
    assert service.get(here).json() == before
    assert files_of(service) == held
    # What is said again changes nothing.
    assert service.patch(here, json={"unit": "Power"}).json()["display"]["state"] == "ready"


def test_a_word_is_taken_back_with_null(service: TestClient, plain: dict[str, Any]) -> None:
    here = f"/scenes/{plain['id']}"
    assert service.patch(here, json={"nodata": 0.5, "keep_border": True}).json()["stated"]["nodata"] == "0.5"
    answer = service.patch(here, json={"nodata": None, "keep_border": False}).json()
    assert not {"nodata", "keep_border"} & set(answer["stated"])
    assert answer["stated"]["unit"] == "power"
    prepared(service, plain["id"])


def test_who_comes_second_is_told_that_somebody_else_changed_the_scene(
    service: TestClient, plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, inspector = f"/scenes/{plain['id']}", services_of(service).inspector
    look = inspector.describe

    def meanwhile(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(inspector, "describe", look)
        assert service.patch(here, json={"nodata": -1}).status_code == 200
        return look(*given, **options)

    monkeypatch.setattr(inspector, "describe", meanwhile)
    assert "at the same moment" in problem(service.patch(here, json={"nodata": -2}), 409)
    assert service.get(here).json()["stated"]["nodata"] == "-1.0"
    service.patch(here, json={"nodata": None})
    prepared(service, plain["id"])


def test_results_of_bands_that_are_not_read_any_more_can_still_be_shown(
    service: TestClient, plain: dict[str, Any]
) -> None:
    here, job = f"/scenes/{plain['id']}", translated(service, plain["id"])
    answer = service.patch(here, json={"band": {"HH": 2}, "crs": "EPSG:32644"}).json()
    assert (answer["description"]["polarisations"], answer["former_jobs"][-1]) == (["HH"], job)
    result = service.get(f"/stac/collections/results/items/{job}").json()
    assert result["properties"]["renders"]["optical"]
    assert result["bbox"] != answer["bbox"], "it lies where it was made"
    assert service.get(f"{here}/optical/preview.png?job={job}").status_code == 200


def test_a_key_that_reads_cannot_change_how_a_scene_is_read(make_service: MakeService, scene_file: Path) -> None:
    with make_service(api_keys=HASHED) as client:
        sent = client.post("/scenes", content=scene_file.read_bytes(), headers=KEY_OF["write"])
        here = f"/scenes/{sent.json()['id']}"
        assert "may read" in problem(client.patch(here, json={"unit": "db"}, headers=KEY_OF["read"]), 403)
        problem(client.patch(here, json={"unit": "db"}), 401)
        assert client.patch(here, json={"unit": "amplitude"}, headers=KEY_OF["write"]).status_code == 200


def test_files_beside_a_raster_are_named_with_what_can_be_said_instead(
    service: TestClient, make_raster: MakeRaster
) -> None:
    body, before = make_raster("bare.tif", speckled((1, 40, 40), seed=9), crs=None).read_bytes(), files_of(service)
    beside = {"file": ("bare.tif", body), "aux": ("bare.tif.aux.xml", b"<PAMDataset/>" + bytes(100))}
    assert "is a file beside a raster" in problem(service.post("/scenes", files=beside), 415)
    assert files_of(service) == before
    sent = service.post("/scenes?unit=power", files={"file": ("bare.tif", body)}).json()
    assert any("bare.tif.aux.xml" in note and "do not come" in note for note in sent["description"]["notes"])
    answer = service.patch(f"/scenes/{sent['id']}", json={"crs": "EPSG:32643", "polarisation": "VV"}).json()
    assert not any("do not come" in note for note in answer["description"]["notes"]), "nothing is missing any more"
    service.delete(f"/scenes/{sent['id']}")
