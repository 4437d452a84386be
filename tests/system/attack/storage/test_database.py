"""A database that is removed, replaced or damaged while the service runs: nothing is acknowledged that is lost."""

import subprocess
import sys
from pathlib import Path

from geosar_tiler.ingest.agreement import Agreement
from helpers.service import MakeService, problem, send, services_of
from helpers.service.serving import free_port

LISTS = ("/scenes", "/jobs", "/stac/search")


def test_what_is_sent_to_a_database_that_was_removed_is_not_acknowledged(
    make_service: MakeService, scene_file: Path, tmp_path: Path
) -> None:
    with make_service() as client:
        scene = send(client, scene_file)
        path = services_of(client).store.root / "catalogue.sqlite"
        other = scene_file.read_bytes() + b" "
        moved = path.rename(tmp_path / "moved.sqlite")
        for replaced in (False, True):
            if replaced:
                path.write_bytes(moved.read_bytes())
            detail = problem(client.post("/scenes?filename=other_power.tif", content=other), 503)
            assert "removed or replaced. Restore it" in detail
            for name in LISTS:
                problem(client.get(name), 503)
            problem(client.delete(f"/scenes/{scene['id']}"), 503)
        moved.replace(path)
        assert client.get("/scenes").json()["numberMatched"] == 1
        assert client.get(f"/scenes/{scene['id']}/download").content == scene_file.read_bytes()
        assert client.post("/scenes?filename=other_power.tif", content=other).status_code == 201


def test_an_empty_database_in_the_place_of_another_costs_no_scene(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        scene = send(client, scene_file)
        root = services_of(client).store.root
    for path in root.glob("catalogue.sqlite*"):
        path.unlink()
    with make_service() as client:
        Agreement(services_of(client).register).sweep()
        assert client.get("/scenes").json()["numberMatched"] == 0
        assert services_of(client).store.source(scene["id"], scene["filename"]).read_bytes() == scene_file.read_bytes()


def test_a_damaged_database_is_told_and_nothing_is_removed(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        scene = send(client, scene_file)
        services = services_of(client)
        path = services.store.root / "catalogue.sqlite"
        services.database.close()  # so that it is all in one file, and read anew
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * (path.stat().st_size - 100))
        for name in LISTS:
            assert "damaged. Restore it" in problem(client.get(name), 503)
        problem(client.post("/scenes?filename=other_power.tif", content=scene_file.read_bytes() + b" "), 503)
        problem(client.delete(f"/scenes/{scene['id']}"), 503)
        assert services.store.source(scene["id"], scene["filename"]).is_file()
    # In a process of its own, whose environment it sets.
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(free_port()), "--store", str(path.parent)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert process.returncode == 2
    assert "cannot be opened" in process.stderr
