"""Owners of jobs and uploads are told apart by a lock that ends with their life, whatever their numbers."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from geosar_tiler.state.database import Upload
from geosar_tiler.state.owners import Owner
from helpers.service import MakeService, services_of, wait

HOLDING = """
import sys, pathlib
from geosar_tiler.state.owners import Owner
owner = Owner(pathlib.Path(sys.argv[1]))
print(owner.name, flush=True)
sys.stdin.read()
"""


def test_one_that_lives_is_not_dead_and_one_that_was_released_is(tmp_path: Path) -> None:
    me, other = Owner(tmp_path), Owner(tmp_path)
    assert not me.knows_dead(me.name)
    assert not me.knows_dead(other.name)
    other.release()
    assert me.knows_dead(other.name)


def test_one_that_was_killed_is_dead_though_its_number_lives_again(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as process:
        assert process.stdout is not None
        token = process.stdout.readline().strip().rpartition("/")[2]
        me = Owner(tmp_path)
        name = f"{socket.gethostname()}/{os.getpid()}/{token}"
        assert not me.knows_dead(name)
        process.kill()
        process.wait()
    assert me.knows_dead(name)
    assert me.knows_dead(f"{socket.gethostname()}/{os.getpid()}/{'0' * 32}")


def test_of_another_machine_nothing_is_known_but_by_its_lock(tmp_path: Path) -> None:
    me = Owner(tmp_path)
    for name in (f"elsewhere/1/{'0' * 32}", None, "", "elsewhere", "elsewhere/1/../../etc"):
        assert not me.knows_dead(name)


def test_files_of_the_dead_are_removed_after_a_while(tmp_path: Path) -> None:
    me, other = Owner(tmp_path), Owner(tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    (tmp_path / ("0" * 32)).touch()
    os.utime(tmp_path / ("0" * 32), (0, 0))
    me.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {one.name.rpartition("/")[2] for one in (me, other)}


def test_an_upload_that_was_being_checked_is_checked_by_a_service_with_the_same_number(
    make_service: MakeService, scene_file: Path
) -> None:
    """As in a container that was killed and started again: host and number are the same."""
    earlier = f"{socket.gethostname()}/{os.getpid()}/{'0' * 32}"
    content = scene_file.read_bytes()
    with make_service() as client:
        services = services_of(client)
        with services.database.begin() as session:
            session.add(
                Upload(
                    id="u" * 32, filename=scene_file.name, length=len(content), status="checking", owner=earlier,
                    options={"stated": {"name": None, "polarisation": None, "scale": None, "force": False}},
                    expires=2e9,
                )
            )  # fmt: skip
        services.store.resumable("u" * 32).write_bytes(content)
    with make_service() as client:
        wait(client, "/scenes", lambda answer: answer["numberMatched"] == 1)
        wait(client, f"/uploads/{'u' * 32}", lambda answer: answer["status"] == "done")
        response = client.delete(f"/uploads/{'u' * 32}", headers={"tus-resumable": "1.0.0"})
        assert response.status_code == 204
