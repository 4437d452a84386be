"""Scenes over HTTP: sent once however often, found, renamed, removed, and refused with reasons."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from geosar_tiler.errors import InvalidError
from geosar_tiler.settings import Settings
from geosar_tiler.state.catalogue import parse_box
from geosar_tiler.state.store import Store, safe_filename
from helpers.rasters import speckled
from helpers.service import MakeRaster, problem, services_of


def test_a_scene_is_described_as_geosar_info_does(scene: dict[str, Any]) -> None:
    description = scene["description"]
    assert (description["width"], description["height"], description["unit"]) == (700, 600, "power")
    assert description["polarisations"] == ["VV", "VH"]
    assert scene["display"] == {"state": "ready", "message": "", "progress": 100}
    west, south, east, north = scene["bbox"]
    # The grid's corner is 600000 E, 1200000 N of UTM 43: 76 degrees east, 10.9 north, and 7 by 6 km from there.
    assert west == pytest.approx(75.914, abs=0.01)
    assert north == pytest.approx(10.854, abs=0.01)
    assert (east - west, north - south) == (pytest.approx(0.064, abs=0.001), pytest.approx(0.0545, abs=0.001))


def test_the_same_content_is_one_scene_whatever_its_name_and_way(
    client: TestClient, scene: dict[str, Any], scene_file: Path
) -> None:
    body = scene_file.read_bytes()
    raw = client.post("/scenes?name=other", content=body, headers={"content-type": "image/tiff"})
    assert (raw.status_code, raw.json()["id"]) == (200, scene["id"])
    assert raw.headers["location"].endswith(f"/scenes/{scene['id']}")


def test_two_uploads_at_once_of_one_file_make_one_scene(client: TestClient, make_raster: MakeRaster) -> None:
    body = make_raster("twice_db.tif", speckled((64, 64), seed=3)).read_bytes()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/scenes?filename=twice_VV.tif", content=body), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert client.get("/scenes?q=twice").json()["numberMatched"] == 1


def test_what_the_sender_says_of_bands_is_taken_and_no_second_word_goes_unheard(
    client: TestClient, make_raster: MakeRaster
) -> None:
    values = speckled((3, 64, 64), seed=5)
    values[:, :, :16] = -7777
    body = make_raster("patch.tif", values).read_bytes()
    url = "/scenes?filename=patch.tif&band=VV=2&band=VH=1&nodata=-7777&mask_band=none&unit=power"
    response = client.post(url, content=body)
    assert response.status_code == 201, response.text
    description = response.json()["description"]
    assert (description["polarisations"], description["unit"]) == (["VV", "VH"], "power")
    assert description["statistics"]["1 VV"]["valid_fraction"] == pytest.approx(0.75)
    assert client.post(url, content=body).status_code == 200
    assert client.post("/scenes?filename=patch.tif", content=body).status_code == 200
    other = client.post("/scenes?filename=patch.tif&band=VV=3", content=body)
    assert "Delete it first" in problem(other, 409)
    assert client.post("/scenes?band=VV", content=body).status_code == 422
    assert client.delete(f"/scenes/{response.json()['id']}").status_code == 204


def test_a_format_that_is_not_read_is_named_with_the_way_out(client: TestClient) -> None:
    answer = client.post("/scenes?filename=nisar.h5", content=b"\x89HDF\r\n\x1a\n" + bytes(3000))
    assert "HDF5 or netCDF-4" in problem(answer, 415)
    assert "gdal_translate" in problem(answer, 415)


def test_scenes_are_found_by_place_and_name_page_by_page(client: TestClient, scene: dict[str, Any]) -> None:
    def ids(query: str) -> list[str]:
        return [scenes["id"] for scenes in client.get(f"/scenes?{query}").json()["scenes"]]

    assert scene["id"] in ids("bbox=75.9,10.8,76,10.9")
    assert scene["id"] not in ids("bbox=10,10,11,11")
    assert scene["id"] in ids("bbox=170,-20,76,20")  # across the antimeridian, round to the scene
    assert ids("q=FIELDS_p") == [scene["id"]]
    assert ids("q=%25") == []  # no wildcard
    assert scene["id"] in ids("datetime=2020-01-01T00:00:00Z/..")
    assert ids("datetime=../2020-01-01T00:00:00Z") == []
    page = client.get("/scenes?limit=1").json()
    assert len(page["scenes"]) == 1
    rels = {link["rel"]: link["href"] for link in page["links"]}
    if page["numberMatched"] > 1:
        assert client.get(rels["next"]).json()["scenes"][0]["id"] != page["scenes"][0]["id"]


def test_a_scene_can_be_renamed_and_nothing_else_changed(client: TestClient, scene: dict[str, Any]) -> None:
    assert (
        client.patch(f"/scenes/{scene['id']}", json={"name": "fields_power too"}).json()["name"] == "fields_power too"
    )
    problem(client.patch(f"/scenes/{scene['id']}", json={"sha256": "0"}), 422)
    problem(client.patch("/scenes/nowhere", json={"name": "x"}), 404)


def test_a_removed_scene_leaves_nothing_behind(client: TestClient, make_raster: MakeRaster) -> None:
    path = make_raster("gone_VV_db.tif", 10 * np.log10(speckled((80, 90), seed=5)))
    sent = client.post("/scenes", files={"file": (path.name, path.read_bytes())}).json()
    store = Path(services_of(client).store.root)
    folder = store / "scenes" / sent["id"]
    assert folder.is_dir()
    assert client.delete(f"/scenes/{sent['id']}").status_code == 204
    assert not folder.exists()
    problem(client.get(f"/scenes/{sent['id']}"), 404)
    problem(client.delete(f"/scenes/{sent['id']}"), 404)
    assert list((store / "incoming").iterdir()) == []


def test_what_was_sent_can_be_downloaded_in_parts(client: TestClient, scene: dict[str, Any], scene_file: Path) -> None:
    answer = client.get(f"/scenes/{scene['id']}/download", headers={"range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer.content == scene_file.read_bytes()[100:200]


VRT = b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand><SimpleSource><SourceFilename>/etc/passwd'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (VRT, 415),
        (b"<GDAL_WMS>", 415),
        (b"", 422),
        (b"II*\0broken", 422),
        (b"PK\x03\x04 no zip", 422),
        (b"GIF89a", 415),
    ],
    ids=["vrt", "wms", "empty", "broken tiff", "broken zip", "gif"],
)
def test_what_is_no_scene_is_refused_by_its_content(client: TestClient, body: bytes, status: int) -> None:
    before = client.get("/scenes").json()["numberMatched"]
    detail = problem(client.post("/scenes?filename=scene.tif", content=body), status)
    assert str(services_of(client).store.root) not in detail
    assert client.get("/scenes").json()["numberMatched"] == before


def test_a_photograph_is_no_sar(client: TestClient, make_raster: MakeRaster) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (3, 40, 40), np.uint8)
    path = make_raster("photo.tif", noise, photometric="RGB")
    answer = client.post("/scenes", files={"file": ("photo.tif", path.read_bytes())})
    assert "does not look like SAR" in problem(answer, 422)
    assert answer.json()["type"] == "urn:geosar:problem:unlike-sar", "what a client can do something about"


def test_a_form_that_ends_in_the_middle_is_no_upload(client: TestClient, scene_file: Path) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.tif"\r\n\r\n' + scene_file.read_bytes()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert "not complete" in problem(client.post("/scenes", content=form, headers=headers), 422)
    empty = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'
    assert "no file" in problem(client.post("/scenes", content=empty, headers=headers), 422)


def test_uploads_have_a_limit_and_the_store_a_quota(make_service: Any, scene_file: Path) -> None:
    size = scene_file.stat().st_size

    def chunks() -> Any:
        with scene_file.open("rb") as file:
            while chunk := file.read(65536):
                yield chunk

    with make_service(max_upload_bytes=size - 1) as small:
        problem(small.post("/scenes", content=scene_file.read_bytes()), 413)
        problem(small.post("/scenes", content=chunks()), 413)  # without a declared length
    with make_service(quota_bytes=size // 2) as full:
        assert "Delete scenes" in problem(full.post("/scenes", content=chunks()), 507)


def test_a_file_name_is_only_ever_a_name() -> None:
    assert safe_filename("../../../etc/passwd", "GTiff") == "passwd.tif"
    assert safe_filename("..\\..\\x.vrt", "PNG") == "x.png"
    assert safe_filename(".", "SAFE") == "scene.zip"
    assert safe_filename("a" * 300 + ".tif", "GTiff") == "a" * 100 + ".tif"


def test_messages_tell_no_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    text = f"{store.root}/scenes/abc/source/x.tif is broken; see {store.root}."
    assert store.scrub(text) == "x.tif is broken; see ."


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "0,10,1,5", "0,0,1,95", "nan,0,1,1"])
def test_a_box_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="expected west,south,east,north"):
        parse_box(text)


def test_keys_are_given_hashed() -> None:
    with pytest.raises(ValueError, match="scope:sha256"):
        Settings(api_keys=("secret",))


def test_damaged_files_are_refused_or_taken_but_harm_nobody(client: TestClient, make_raster: MakeRaster) -> None:
    path = make_raster("damaged_VV_db.tif", 10 * np.log10(speckled((48, 48), seed=21)), compress="deflate")
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    accepted = []
    for number in range(60):
        body = bytearray(whole[: random.integers(9, len(whole))] if number % 3 == 0 else whole)
        for place in random.integers(4, len(body), 4):
            body[place] ^= 1 << int(random.integers(8))
        answer = client.post("/scenes?filename=damaged_VV_db.tif", content=bytes(body))
        assert answer.status_code in {200, 201, 413, 415, 422}, answer.text
        if answer.status_code == 201:
            accepted.append(answer.json()["id"])
    assert client.get("/readyz").status_code == 200
    for scene_id in accepted:
        assert client.delete(f"/scenes/{scene_id}").status_code == 204
