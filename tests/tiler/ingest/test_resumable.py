"""Uploads that resume: the tus protocol, cut off, disputed, expired, and held for joining."""

import base64
import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from geosar_tiler.ingest.resumable import exclusive
from geosar_tiler.state.database import Upload
from helpers.rasters import speckled
from helpers.service import MakeRaster, MakeService, problem, services_of, wait
from helpers.service.serving import free_port, serving
from helpers.service.tus_client import CHUNK, VERSION, begin, metadata, offset, piece, send_whole


def decibel_file(make_raster: MakeRaster, seed: int, name: str = "field_VV_db.tif") -> Path:
    return make_raster(name, 10 * np.log10(speckled((96, 80), seed=seed)))


def test_the_service_says_what_of_tus_it_speaks(client: TestClient) -> None:
    answer = client.options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) >= {"creation", "termination", "checksum", "expiration"}
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")
    assert int(answer.headers["tus-max-size"]) > 2**30


def test_an_upload_in_pieces_is_the_scene_that_it_is_whole(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 31).read_bytes()
    path = begin(client, len(data), filename="field_VV_db.tif", name="In pieces")
    assert offset(client, path) == 0
    third = len(data) // 3
    for start, end in ((0, third), (third, 2 * third)):
        answer = piece(client, path, start, data[start:end])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(end))
        assert "upload-expires" in answer.headers
    assert client.get(path).json()["received"] == offset(client, path) == 2 * third
    assert piece(client, path, 2 * third, data[2 * third :]).status_code == 204
    done = wait(client, path, lambda state: state["status"] != "checking")
    assert (done["status"], done["new"], done["problem"]) == ("done", True, None)
    assert offset(client, path) == len(data)
    scene = client.get(f"/scenes/{done['scene']}").json()
    assert (scene["name"], scene["sha256"]) == ("In pieces", hashlib.sha256(data).hexdigest())
    assert client.get(f"/scenes/{scene['id']}/download").content == data
    whole = client.post("/scenes?filename=field_VV_db.tif", content=data)
    assert (whole.status_code, whole.json()["id"]) == (200, scene["id"])
    assert list((services_of(client).store.root / "uploads").iterdir()) == []
    client.delete(f"/scenes/{scene['id']}")


def test_creation_may_bring_the_first_bytes(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 32).read_bytes()
    headers = {**CHUNK, "upload-length": str(len(data)), "upload-metadata": metadata(filename="a_VV_db.tif")}
    answer = client.post("/uploads", content=data, headers=headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(data)))
    path = answer.headers["location"]
    done = wait(client, path, lambda state: state["status"] != "checking")
    assert done["status"] == "done"
    client.delete(f"/scenes/{done['scene']}")


def test_an_offset_that_does_not_fit_changes_nothing(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 33).read_bytes()
    path = begin(client, len(data), filename="a_VV_db.tif")
    assert piece(client, path, 0, data[:1000]).status_code == 204
    assert "1000 bytes have come" in problem(piece(client, path, 999, data[999:]), 409)
    assert "promised" in problem(piece(client, path, 1000, data[1000:] + b"more"), 413)
    assert offset(client, path) == 1000
    assert client.delete(path, headers=VERSION).status_code == 204
    problem(client.get(path), 404)
    assert client.head(path, headers=VERSION).status_code == 404


def test_a_piece_is_checked_where_its_checksum_is_given(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 34).read_bytes()
    path = begin(client, len(data), filename="a_VV_db.tif")

    def checksum(name: str, of: bytes) -> str:
        return f"{name} {base64.b64encode(hashlib.new(name, of).digest()).decode()}"

    wrong = piece(client, path, 0, data[:500], **{"upload-checksum": checksum("sha1", b"other")})
    assert "sha1" in problem(wrong, 460)
    assert offset(client, path) == 0
    assert piece(client, path, 0, data[:500], **{"upload-checksum": checksum("sha1", data[:500])}).status_code == 204
    problem(piece(client, path, 500, data[500:], **{"upload-checksum": checksum("md5", data[500:])}), 400)
    right = piece(client, path, 500, data[500:], **{"upload-checksum": checksum("sha256", data[500:])})
    assert right.status_code == 204
    done = wait(client, path, lambda answer: answer["status"] != "checking")
    client.delete(f"/scenes/{done['scene']}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"upload-length": "10"}, 412),
        ({"tus-resumable": "0.2.2", "upload-length": "10"}, 412),
        (VERSION, 400),
        ({**VERSION, "upload-length": "-1"}, 400),
        ({**VERSION, "upload-length": "²"}, 400),
        ({**VERSION, "upload-length": "0"}, 422),
        ({**VERSION, "upload-length": "999999999999999"}, 413),
        ({**VERSION, "upload-defer-length": "1"}, 400),
        ({**VERSION, "upload-length": "10", "upload-metadata": "filename !!"}, 400),
        ({**VERSION, "upload-length": "10", "upload-metadata": metadata(polarisation="XX")}, 422),
        ({**VERSION, "upload-length": "10", "upload-metadata": metadata(unit="metres")}, 422),
    ],
)
def test_an_upload_that_makes_no_sense_is_not_begun(client: TestClient, headers: dict[str, str], status: int) -> None:
    encoded = {key: value.encode("latin-1") for key, value in headers.items()}
    answer = client.post("/uploads", headers=encoded)
    problem(answer, status)
    assert answer.headers["tus-resumable"] == "1.0.0"
    if status == 412:
        assert answer.headers["tus-version"] == "1.0.0"


def test_what_is_no_scene_fails_with_its_first_bytes(client: TestClient) -> None:
    path = begin(client, 10**9, filename="movie.tif")
    problem(piece(client, path, 0, b"GIF89a" + bytes(100)), 415)
    answer = client.get(path).json()
    assert (answer["status"], answer["problem"]["status"]) == ("failed", 415)
    problem(piece(client, path, 106, b"more"), 409)
    assert list((services_of(client).store.root / "uploads").iterdir()) == []


def test_a_broken_scene_says_why_in_its_upload(client: TestClient) -> None:
    data = b"II*\0" + bytes(200)
    done = send_whole(client, data, filename="broken.tif")
    assert (done["status"], done["scene"]) == ("failed", None)
    assert done["problem"]["status"] == 422
    assert str(services_of(client).store.root) not in done["problem"]["detail"]


def test_two_requests_for_one_upload_at_once_do_not_mix(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 35).read_bytes()
    path = begin(client, len(data), filename="a_VV_db.tif")
    with exclusive(services_of(client).store.resumable(path.rpartition("/")[2])):
        answer = piece(client, path, 0, data)
        problem(answer, 423)
        assert int(answer.headers["retry-after"]) > 0
        problem(client.delete(path, headers=VERSION), 423)
    assert client.delete(path, headers=VERSION).status_code == 204


def test_two_uploads_of_one_file_at_once_are_one_scene(client: TestClient, make_raster: MakeRaster) -> None:
    data = decibel_file(make_raster, 36).read_bytes()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: send_whole(client, data, filename="same_VV_db.tif"), range(3)))
    assert {one["status"] for one in done} == {"done"}
    assert len({one["scene"] for one in done}) == 1
    assert [one["new"] for one in done].count(True) == 1
    client.delete(f"/scenes/{done[0]['scene']}")


def test_clients_that_can_only_post_are_served(client: TestClient) -> None:
    path = begin(client, 100, filename="a.tif")
    response = client.post(path, headers={**VERSION, "x-http-method-override": "HEAD"})
    assert response.headers["upload-offset"] == "0"
    headers = {**CHUNK, "upload-offset": "0", "x-http-method-override": "PATCH"}
    assert client.post(path, content=b"II*\0", headers=headers).status_code == 204
    assert client.post(path, headers={**VERSION, "x-http-method-override": "DELETE"}).status_code == 204
    problem(client.post(path, headers=VERSION), 400)


def test_an_upload_that_stopped_expires_and_frees_its_disk(make_service: MakeService) -> None:
    with make_service() as client:
        path = begin(client, 1000, filename="a_VV.tif")
        assert piece(client, path, 0, b"II*\0" + bytes(96)).status_code == 204
        services = services_of(client)
        with services.database.begin() as session:
            session.execute(update(Upload).values(expires=time.time() - 1))
        problem(client.get(path), 410)
        problem(piece(client, path, 100, bytes(900)), 410)
        services_of(client).uploads._forget_expired()
        problem(client.get(path), 404)
        assert list((services.store.root / "uploads").iterdir()) == []


def test_promised_bytes_count_against_the_quota(make_service: MakeService, scene_file: Path) -> None:
    size = scene_file.stat().st_size
    with make_service(quota_bytes=size + 2_000_000) as client:
        first = begin(client, size, filename="a.tif")
        refused = client.post("/uploads", headers={**VERSION, "upload-length": str(size)})
        assert "Delete scenes" in problem(refused, 507)
        problem(client.post("/scenes", content=scene_file.read_bytes()), 507)
        assert client.delete(first, headers=VERSION).status_code == 204
        assert client.post("/scenes?filename=a_power.tif", content=scene_file.read_bytes()).status_code == 201


def test_held_uploads_are_joined_to_one_scene(client: TestClient, make_raster: MakeRaster) -> None:
    vv, vh = speckled((96, 80), seed=37), speckled((96, 80), seed=38) / 6
    sent = {}
    for name, values in (("VV", vv), ("VH", vh)):
        data = make_raster(f"{name.lower()}_db.tif", 10 * np.log10(values)).read_bytes()
        sent[name] = send_whole(client, data, filename="same_db.tif", hold="true")
        assert sent[name]["status"] == "held"
    ids = {name: one["id"] for name, one in sent.items()}
    answer = client.post("/scenes", json={"uploads": ids, "name": "Joined"})
    assert answer.status_code == 201, answer.text
    scene = answer.json()
    assert scene["description"]["polarisations"] == ["VV", "VH"]
    assert [one["polarisation"] for one in scene["files"]] == ["VV", "VH"]
    assert len({one["filename"] for one in scene["files"]}) == 2
    assert client.get(f"/uploads/{ids['VH']}").json()["status"] == "done"
    again = client.post("/scenes", json={"uploads": ids})
    assert "expected a complete one" in problem(again, 409)
    client.delete(f"/scenes/{scene['id']}")


def test_a_connection_that_breaks_keeps_what_came(tmp_path: Path, model: Path, make_raster: MakeRaster) -> None:
    data = make_raster("large_VV_db.tif", 10 * np.log10(speckled((1500, 1200), seed=39))).read_bytes()
    store, port = tmp_path / "store", free_port()
    with serving(store, model, port) as (process, client):
        path = begin(client, len(data), filename="large_VV_db.tif")
        sent = 3_000_000
        with socket.create_connection(("127.0.0.1", port)) as line:
            head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 0\r\nContent-Length: {len(data)}\r\n"
            head += "".join(f"{key}: {value}\r\n" for key, value in CHUNK.items())
            line.sendall(head.encode() + b"\r\n" + data[:sent])
            time.sleep(0.5)
        answer = wait(client, path, lambda answer: answer["received"] == sent)
        assert answer["status"] == "receiving"
        # The service itself may die, too.
        process.kill()
        process.wait()
    with serving(store, model, port) as (_, client):
        assert offset(client, path) == sent
        assert piece(client, path, sent, data[sent:]).status_code == 204
        done = wait(client, path, lambda answer: answer["status"] != "checking")
        scene: dict[str, Any] = client.get(f"/scenes/{done['scene']}").json()
        assert scene["sha256"] == hashlib.sha256(data).hexdigest()


def test_what_a_dead_service_did_not_check_is_checked_by_the_next(
    make_service: MakeService, make_raster: MakeRaster
) -> None:
    data = decibel_file(make_raster, 40).read_bytes()
    with make_service() as client:
        path = begin(client, len(data), filename="a_VV_db.tif")
        services = services_of(client)
        upload_id = path.rpartition("/")[2]
        services.store.resumable(upload_id).write_bytes(data)  # as if the service had been killed right after this
    with make_service() as client:
        done = wait(client, path, lambda answer: answer["status"] not in {"receiving", "checking"})
        assert done["status"] == "done"
