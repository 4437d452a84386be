"""Scenes by URL from a store of objects (S3) and an https server, as they are in the world: keys, TLS, breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from geosar_tiler.ingest import fetch
from geosar_tiler.ingest.allow_list import FetchError, InterruptedDownloadError
from geosar_tiler.ingest.fetch import MOST_BREAKS
from helpers.rasters.remote_files import S3_SETTINGS, HttpsFiles, object_store
from helpers.service import MakeService, problem, wait
from helpers.service.fetched import MANY, get, made, settings


@pytest.fixture
def files(tmp_path: Path, scene_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsFiles]:
    """An https server with a scene, whose certificate is trusted."""
    monkeypatch.setattr(fetch, "PAUSE_SECONDS", 0)
    with HttpsFiles(tmp_path).running() as running:
        running.contents["/data/fields_power.tif"] = scene_file.read_bytes()
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        yield running


def test_a_scene_comes_from_a_store_of_objects(
    make_service: MakeService, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with object_store(fields_power=scene_file) as store:
        for name, value in {**S3_SETTINGS, "AWS_S3_ENDPOINT": store}.items():
            monkeypatch.setenv(name, value)
        with make_service(allowed_hrefs=("s3://scenes/fields",), href_private=True) as client:
            problem(client.post("/scenes", json={"href": "s3://scenes/fields_power.tif"}), 403)
        with make_service(allowed_hrefs=("s3://scenes",), href_private=True) as client:
            scene = made(client, {"href": "s3://scenes/fields_power.tif"})
            assert scene["files"][0]["filename"] == "fields_power.tif"
            assert client.get(f"/scenes/{scene['id']}/download").content == scene_file.read_bytes()
            for other in ("s3://others/fields_power.tif", "s3://scenes.evil/x.tif", f"http://{store}/scenes/x.tif"):
                assert "GEOSAR_ALLOWED_HREFS" in problem(client.post("/scenes", json={"href": other}), 403)
            assert "no nothing.tif" in problem(client.post("/scenes", json={"href": "s3://scenes/nothing.tif"}), 404)
        with make_service(allowed_hrefs=("s3://scenes",)) as client:  # the store is in a private network
            answer = client.post("/scenes", json={"href": "s3://scenes/fields_power.tif"})
            if answer.status_code == 202:  # a slow service says where to ask
                failed = wait(client, answer.headers["location"], lambda state: state["status"] == "failed")
                assert failed["problem"]["status"] == 403
            else:
                problem(answer, 403)


def test_https_is_believed_by_its_certificate(
    files: HttpsFiles, tmp_path: Path, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, allowed = f"{files.url}/data/fields_power.tif", settings(f"{files.url}/data")
    assert get(there, tmp_path, allowed).size == scene_file.stat().st_size
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FetchError, match="certificate"):
        get(there, tmp_path, allowed)


def test_what_breaks_off_is_gone_on_with(files: HttpsFiles, tmp_path: Path, scene_file: Path) -> None:
    content = scene_file.read_bytes()
    files.most = len(content) // 4 + 1
    received = get(f"{files.url}/data/fields_power.tif", tmp_path, settings(files.url))
    assert (tmp_path / "got").read_bytes() == content
    assert received.size == len(content)
    assert files.asked == [None, *(f"bytes={part * files.most}-" for part in (1, 2, 3))]


def test_another_version_is_never_joined_to_the_first(files: HttpsFiles, tmp_path: Path) -> None:
    files.most = 10_000

    def changed(_: int) -> None:
        files.etag = '"two"'

    with pytest.raises(FetchError, match="could not be resumed"):
        fetch.fetch(
            f"{files.url}/data/fields_power.tif", tmp_path / "got", settings(files.url), limit=MANY,
            free_bytes=lambda: MANY, tell_size=changed,
        )  # fmt: skip


def test_what_cannot_be_gone_on_with_is_given_up(files: HttpsFiles, tmp_path: Path) -> None:
    files.most = 0
    with pytest.raises(InterruptedDownloadError, match="ended after 0 of"):
        get(f"{files.url}/data/fields_power.tif", tmp_path, settings(files.url))
    assert len(files.asked) == MOST_BREAKS + 1
    files.most, files.etag = 10_000, None
    with pytest.raises(InterruptedDownloadError, match="ended after 10000 of"):
        get(f"{files.url}/data/fields_power.tif", tmp_path, settings(files.url))
