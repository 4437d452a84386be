"""Rows and files that do not agree are brought to agreement, and nothing that somebody has is removed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from geosar_tiler.ingest.agreement import Agreement
from geosar_tiler.jobs import copies
from geosar_tiler.state.database import Job, Reference, Scene, Upload
from helpers.rasters import speckled
from helpers.service import MakeRaster, MakeService, problem, send, services_of, wait


@pytest.fixture
def path(make_raster: MakeRaster) -> Path:
    return make_raster("field_VV_db.tif", 10 * np.log10(speckled((90, 100), seed=51)))


@pytest.fixture
def service(make_service: MakeService, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(copies, "REST_SECONDS", 0.0)
    with make_service() as client:
        yield client


def agree(client: TestClient) -> None:
    tended = Agreement(services_of(client).register)
    tended.sweep()
    tended.look()


def files_of(client: TestClient) -> set[str]:
    """Every file and empty folder of the store, but for what is not of a scene, job or upload."""
    root = services_of(client).store.root
    listed = {
        path for name in ("incoming", "uploads", "scenes", "jobs", "removed") for path in (root / name).rglob("*")
    }
    leaves = listed - {path.parent for path in listed}
    return {path.relative_to(root).as_posix() for path in leaves if "live-blocks" not in path.parts}


def ready(client: TestClient, scene: dict[str, Any]) -> dict[str, Any]:
    return wait(client, f"/scenes/{scene['id']}", lambda answer: answer["display"]["state"] == "ready")


def test_a_scene_whose_order_was_lost_is_prepared(service: TestClient, path: Path) -> None:
    """As after a kill between row and order, or a removal that was refused midway."""
    scene = send(service, path)
    with services_of(service).database.begin() as session:
        session.execute(delete(Job))
        session.execute(update(Scene).values(display="preparing"))
    agree(service)
    ready(service, scene)


def test_a_removal_that_was_refused_midway_leaves_the_scene_whole(service: TestClient, path: Path) -> None:
    scene = send(service, path)
    services = services_of(service)
    services.runner.stop()
    with services.database.begin() as session:
        session.execute(update(Scene).values(display="preparing"))
        session.execute(update(Job).values(status="running", updated=time.time() + 60, owner="another/1/machine"))
    assert "does not stop" in problem(service.delete(f"/scenes/{scene['id']}"), 409)
    with services.database.begin() as session:
        session.execute(update(Job).values(status="dismissed", updated=0.0))
    agree(service)
    with services.database.begin() as session:
        waiting = session.query(Job).where(Job.status == "accepted").all()
    assert [job.process for job in waiting] == ["prepare"]


def test_a_removal_that_was_killed_is_finished(service: TestClient, path: Path) -> None:
    scene = send(service, path)
    services = services_of(service)
    with services.store.exclusively():
        services.store.withdraw_scene(scene["id"], ())
    agree(service)
    problem(service.get(f"/scenes/{scene['id']}"), 404)
    assert files_of(service) == set()


def test_a_scene_that_lost_its_files_is_mended_by_sending_it_again(service: TestClient, path: Path) -> None:
    """As an earlier version left it, when it was killed between files and row."""
    scene = send(service, path)
    services = services_of(service)
    services.store.discard(services.store.scene(scene["id"]))
    agree(service)
    assert service.get(f"/scenes/{scene['id']}").status_code == 200  # a store that is not mounted looks like this
    again = service.post("/scenes?filename=field_VV_db.tif", content=path.read_bytes())
    assert again.status_code == 201
    ready(service, scene)
    assert service.get(f"/scenes/{scene['id']}/download").content == path.read_bytes()


def test_a_removal_that_the_database_refuses_changes_nothing(
    service: TestClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = send(service, path)
    database = services_of(service).database
    before = files_of(service)
    work, done = database.write_always, list[None]()

    def refuse(what: Any) -> Any:
        done.append(None)
        if len(done) == 2:  # the first says to jobs that they stop
            raise OperationalError("DELETE", None, Exception("database is locked"))
        return work(what)

    monkeypatch.setattr(database, "write_always", refuse)
    problem(service.delete(f"/scenes/{scene['id']}"), 503)
    assert files_of(service) == before
    assert service.get(f"/scenes/{scene['id']}/download").content == path.read_bytes()


def test_what_no_row_names_goes_and_what_is_named_or_in_hand_stays(service: TestClient, path: Path) -> None:
    scene = send(service, path)
    services = services_of(service)
    store = services.store
    before = files_of(service)
    folder = store.scene(scene["id"])
    left = [
        store.incoming / "a" / "0", store.incoming / "b", store.uploads / "c", store.jobs / "d" / ".a.tif.geosar-part",
        store.scenes / "e" / "source" / "a.tif", folder / "source" / "another_name.tif", folder / "reference" / "a.png",
        folder / ".sar.tif.flat.tif", folder / "overview.tif", folder / "reference.tif",
        store.scenes / "f" / "source" / "b",
        store.root / ".probe-1", folder / "live-blocks" / "v" / ".1_2.3.4.part",
    ]  # fmt: skip
    for one in left:
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_bytes(b"left")
        os.utime(one, (0, 0))
    known = store.scenes / "known" / "sar.tif"  # it was in a catalogue once
    known.parent.mkdir()
    known.write_bytes(b"a copy")
    with store.upload() as held:
        (held / "coming").write_bytes(b"half")
        agree(service)
        assert files_of(service) == before | {"scenes/known/sar.tif", f"incoming/{held.name}/coming"}
    assert [one for one in left if one.exists()] == []


def test_an_upload_that_nobody_was_told_of_is_forgotten(service: TestClient) -> None:
    """As after a kill between its row and its file."""
    services = services_of(service)
    with services.database.begin() as session:
        for name, created in (("old", 0.0), ("new", time.time())):
            session.add(
                Upload(id=name, filename="", length=9, options={}, expires=2e9, created=created, status="receiving")
            )
    agree(service)
    with services.database.begin() as session:
        assert [one.id for one in session.query(Upload)] == ["new"]


def test_a_copy_that_is_gone_is_made_again(service: TestClient, path: Path) -> None:
    scene = send(service, path)
    store = services_of(service).store
    put = service.put(f"/scenes/{scene['id']}/reference", files={"file": ("a.tif", path.read_bytes())})
    assert put.status_code == 202, put.text
    wait(service, f"/scenes/{scene['id']}", lambda answer: answer["reference"]["state"] == "ready")
    for copy in (store.display(scene["id"]), store.reference(scene["id"])):
        copy.unlink()
    agree(service)
    wait(service, f"/scenes/{scene['id']}", lambda answer: answer["reference"]["state"] == "ready")
    ready(service, scene)
    assert store.display(scene["id"]).is_file()
    assert store.reference(scene["id"]).is_file()


def test_a_copy_that_failed_for_want_of_room_is_made_when_there_is_room(
    service: TestClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = 1000
    services = services_of(service)
    monkeypatch.setattr(type(services.quota), "free_bytes", lambda *_, **__: free_bytes)
    monkeypatch.setattr("geosar_tiler.ingest.register.check_free", lambda *_: None)
    monkeypatch.setattr("geosar_tiler.ingest.receive.check_free", lambda *_: None)
    scene = send(service, path)
    assert scene["display"]["state"] == "failed"
    agree(service)
    assert service.get(f"/scenes/{scene['id']}").json()["display"]["state"] == "failed"
    free_bytes = 2**30
    agree(service)
    ready(service, scene)


def test_a_copy_that_failed_for_another_reason_stays_so(service: TestClient, path: Path) -> None:
    scene = send(service, path)
    with services_of(service).database.begin() as session:
        session.execute(update(Job).values(status="failed", report=None))
        session.execute(update(Scene).values(display="failed"))
    agree(service)
    assert service.get(f"/scenes/{scene['id']}").json()["display"]["state"] == "failed"


def test_the_picture_that_is_replaced_leaves_nothing(service: TestClient, path: Path, make_raster: MakeRaster) -> None:
    scene = send(service, path)
    before = files_of(service)
    here = f"/scenes/{scene['id']}"
    other = make_raster("other.tif", 10 * np.log10(speckled((90, 100), seed=52)))
    for content in (path.read_bytes(), other.read_bytes(), other.read_bytes()):
        assert service.put(f"{here}/reference", files={"file": ("a.tif", content)}).status_code == 202
        wait(service, here, lambda answer: answer["reference"]["state"] == "ready")
    with services_of(service).database.begin() as session:
        name = session.query(Reference).one().filename
    assert files_of(service) - before == {
        f"scenes/{scene['id']}/reference/{name}",
        f"scenes/{scene['id']}/reference.tif",
    }
    assert service.delete(f"{here}/reference").status_code == 204
    assert files_of(service) == before
