"""A service that is killed at one of its writes, and the next one that finds what it left, in processes of their own.

Run as a program it does one operation after the other, kills each at every step that writes, and says as JSON which
steps there were and what was wrong after the next service had swept once.
"""

import json
import os
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event, select, text, update

from geosar.models import load_model
from geosar_tiler.ingest import agreement, picture, rereading
from geosar_tiler.ingest.receive import Received
from geosar_tiler.ingest.resumable import received
from geosar_tiler.jobs import copies, queue, runner
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.services import Services
from geosar_tiler.settings import Settings
from geosar_tiler.state import readings
from geosar_tiler.state.database import Database, Job, Reference, Scene, Upload
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.states import LIVE
from geosar_tiler.state.store import Store
from helpers.service.steps import Steps

OURS = ("catalogue.sqlite", "owners", "lock", "reserve", "secret")
"""What the store has beside the files of scenes, jobs and uploads."""
STUB = """
import json, pathlib, sys
job = json.loads(sys.stdin.readline())
pathlib.Path(job["destination"]).write_bytes(b"made")
name = pathlib.Path(job["destination"]).name
print(json.dumps({"state": "successful", "report": {"files": {"optical": name}}}))
"""
Operation = Callable[[Services, dict[str, Path]], Any]


def service(store: Path) -> Services:
    """Make a service that does everything at once, in this thread, and whose jobs end at once."""
    Inspector._ask = lambda _, look, source, options: look(source, **options)  # type: ignore[method-assign]
    agreement.YOUNG_SECONDS = copies.REST_SECONDS = 0.0
    services = Services.of(Settings(store=store))
    event.listen(
        services.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF")
    )
    services.database.engine.dispose()
    services.uploads._begin = services.uploads._make  # type: ignore[method-assign]
    services.direct.warm = lambda _: None  # type: ignore[method-assign]
    services.runner.wake = lambda: work(services)  # type: ignore[method-assign]
    popen = runner.subprocess.Popen

    def stub(_: list[str], **options: Any) -> Any:
        return popen([sys.executable, "-S", "-c", STUB], **options)

    runner.subprocess = type("", (), {**vars(runner.subprocess), "Popen": stub})  # type: ignore[assignment]
    return services


def work(services: Services) -> None:
    """Run jobs until none is left."""
    while True:
        services.runner._tick()
        with services.database.begin() as session:
            if not session.scalar(select(Job.id).where(Job.status.in_(LIVE)).limit(1)):
                return
        time.sleep(0.01)


def recover(services: Services) -> None:
    """Do what a service does at its start: one sweep, and whatever it goes on with."""
    tended = agreement.Agreement(services.register)
    services.uploads._forget_expired()
    services.uploads._take_over()
    tended.sweep()
    tended.look()
    work(services)


def wrong(store: Store, database: Database) -> list[str]:
    """Say where rows and files differ, and what is not at its end."""
    expected = set[str]()
    faults: list[str] = []
    with database.begin() as session:
        for scene in session.scalars(select(Scene)):
            expected |= {f"scenes/{scene.id}/source/{name}" for name in (scene.parts or {"": scene.filename}).values()}
            expected.add(store.display(scene.id, readings.number(scene)).relative_to(store.root).as_posix())
            faults += [f"{scene.id} is {scene.display}"] if scene.display != "ready" else []
        for one in session.scalars(select(Reference)):
            expected |= {f"scenes/{one.scene_id}/reference.tif", f"scenes/{one.scene_id}/reference/{one.filename}"}
            faults += [f"the picture is {one.state}"] if one.state != "ready" else []
        for job in session.scalars(select(Job)):
            faults += [f"{job.process} is {job.status}"] if job.status in LIVE else []
            if job.process == "translate" and job.status == "successful":
                expected |= {f"jobs/{job.id}/{name}" for name in job.files.values()}
        for upload in session.scalars(select(Upload)):
            expected |= {f"uploads/{upload.id}"} if upload.status in {"receiving", "held"} else set()
            faults += [f"an upload is {upload.status}"] if upload.status == "checking" else []
    for folder in store.models.iterdir():
        expected |= {f"models/{folder.name}/{path.name}" for path in load_model(folder).folder.iterdir()}
    there = {path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if not path.is_dir()}
    there = {name for name in there if not name.startswith(OURS)}
    faults += [f"no row names {name}" for name in sorted(there - expected)]
    faults += [f"there is no {name}" for name in sorted(expected - there)]
    empty = (*store.incoming.iterdir(), *store.removed.iterdir())
    return faults + [f"{path.parent.name} has {path.name}" for path in empty]


def in_a_fork(do: Callable[[], Any]) -> Any:
    """Do something in a process that ends with it; returns its result, None where it was killed."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = {"done": do()}
        except BaseException:  # noqa: BLE001 - told to the parent
            outcome = {"failed": traceback.format_exc()}
        os.write(theirs, json.dumps(outcome).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        outcome = json.loads(answer.read() or "{}")
    os.waitpid(child, 0)
    if "failed" in outcome:
        raise RuntimeError(outcome["failed"])
    return outcome.get("done")


def _received(path: Path, folder: Path, label: str = "") -> Received:
    return received(Path(shutil.copy(path, folder / (label or path.name))), path.name, label)


def send(services: Services, files: dict[str, Path], *names: str) -> None:
    with services.store.upload() as folder:
        services.register.add(
            [_received(files[name], folder, name if names[1:] else "") for name in names], SceneOptions(), folder
        )


def send_in_pieces(services: Services, files: dict[str, Path], *, hold: bool = False) -> str:
    data = files["VV"].read_bytes()
    upload = services.uploads.create("a_VV.tif", len(data), SceneOptions(), hold=hold)
    services.store.resumable(upload.id).write_bytes(data)
    services.uploads.complete(services.uploads.find(upload.id))
    return upload.id


def give_up(services: Services, files: dict[str, Path]) -> None:
    services.uploads.remove(send_in_pieces(services, files, hold=True))


def join(services: Services, files: dict[str, Path]) -> None:
    services.uploads.request_import({"VV": send_in_pieces(services, files, hold=True)}, "uploads", SceneOptions())


def fail(services: Services, files: dict[str, Path]) -> None:
    upload = services.uploads.create("a_VV.tif", files["VV"].stat().st_size, SceneOptions())
    services.uploads.fail(upload.id, ValueError("no scene"))


def make_way(services: Services, files: dict[str, Path]) -> None:
    """End an upload that lies still, as another is begun."""
    upload = services.uploads.create("a_VV.tif", files["VV"].stat().st_size, SceneOptions())
    ended = services.uploads._ended([services.uploads.find(upload.id)])
    with services.database.begin() as session:
        session.delete(ended)


def take_over(services: Services, files: dict[str, Path]) -> None:
    upload = services.uploads.create("a_VV.tif", files["VV"].stat().st_size, SceneOptions())
    shutil.copyfile(files["VV"], services.store.resumable(upload.id))
    dead = f"{socket.gethostname()}/1/{'0' * 32}"
    with services.database.begin() as session:
        session.execute(update(Upload).where(Upload.id == upload.id).values(status="checking", owner=dead))
    services.uploads._take_over()


def expire(services: Services, files: dict[str, Path]) -> None:
    upload = services.uploads.create("a_VV.tif", files["VV"].stat().st_size, SceneOptions())
    with services.database.begin() as session:
        session.execute(update(Upload).where(Upload.id == upload.id).values(expires=0.0))
    services.uploads._forget_expired()


def _the_scene(services: Services) -> Scene | None:
    with services.database.begin() as session:
        return session.scalar(select(Scene).where(Scene.name == "base_VV"))


def show(services: Services, files: dict[str, Path]) -> None:
    scene = _the_scene(services)
    assert scene is not None
    with services.store.upload() as folder:
        picture.enter(services.register, scene, _received(files["picture"], folder), folder)


def hide(services: Services, _: dict[str, Path]) -> None:
    scene = _the_scene(services)
    assert scene is not None
    picture.remove(services.register, scene)


def read_anew(services: Services, _: dict[str, Path]) -> None:
    scene = _the_scene(services)
    assert scene is not None
    rereading.change(services.register, scene.id, SceneOptions(nodata="0"))


def translate(services: Services, _: dict[str, Path], key: str = "another") -> str:
    scene = _the_scene(services)
    assert scene is not None
    job, _new = queue.submit(services.database, scene, "translate", key=key, inputs={}, queue_length=9)
    work(services)
    return job.id


def dismiss(services: Services, files: dict[str, Path]) -> None:
    job = translate(services, files)
    queue.dismiss(services.database, job)
    services.store.remove_job(job)


def fail_a_job(services: Services, _: dict[str, Path]) -> None:
    """Of a picture that is not there any more."""
    scene = _the_scene(services)
    assert scene is not None
    queue.submit(services.database, scene, "translate", key="wrong", inputs={"match": "none"}, queue_length=9)
    work(services)


def remove(services: Services, _: dict[str, Path]) -> None:
    scene = _the_scene(services)
    if scene is not None:
        services.register.remove(scene.id)


def take_model(services: Services, files: dict[str, Path]) -> None:
    with services.store.upload() as folder:
        services.intake.add(_received(files["model"], folder), folder)


def drop_model(services: Services, files: dict[str, Path]) -> None:
    take_model(services, files)
    services.intake.remove("tiny")


OPERATIONS: dict[str, Operation] = {
    "send": lambda services, files: send(services, files, "VV"),
    "send two": lambda services, files: send(services, files, "VV", "VH"),
    "in pieces": send_in_pieces,
    "given up": give_up,
    "joined": join,
    "made way": make_way,
    "taken over": take_over,
    "failed": fail,
    "expired": expire,
    "a picture": show,
    "no picture": hide,
    "read anew": read_anew,
    "translate": translate,
    "job dismissed": dismiss,
    "job failed": fail_a_job,
    "remove": remove,
    "a model": take_model,
    "no model": drop_model,
}


def base(store: Path, files: dict[str, Path]) -> None:
    """Fill a store: a scene with a picture and a finished job."""
    services = service(store)
    send(services, files, "base")
    show(services, {**files, "picture": files["base"]})
    translate(services, files, key="base")
    assert wrong(services.store, services.database) == []
    services.database.close()


def killed(name: str, filled: Path, folder: Path, files: dict[str, Path], fatal: int | None) -> dict[str, Any]:
    """Do an operation on a copy of a store, killed at a step; then see what the next service makes of it."""
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(filled, store)
    steps = Steps(store, fatal)

    def do() -> list[str]:
        services = service(store)
        steps.watch(services)
        OPERATIONS[name](services, files)
        steps.on = False
        return steps.seen

    def look() -> list[str]:
        services = service(store)
        recover(services)
        faults = wrong(services.store, services.database)
        if name not in {"no picture", "a picture"} or _the_scene(services) is not None:
            OPERATIONS[name](services, files)
        recover(services)
        with services.database.begin() as session:
            whole = session.scalar(text("PRAGMA integrity_check"))
        return (
            faults
            + [f"once more: {one}" for one in wrong(services.store, services.database)]
            + ([] if whole == "ok" else [str(whole)])
        )

    seen = in_a_fork(do)
    return {"seen": seen, "wrong": in_a_fork(look)}


def main(folder: Path, every: bool) -> None:
    files = {path.name.split("_")[0]: path for path in folder.glob("*_*")}
    filled = folder / "filled"
    in_a_fork(lambda: base(filled, files))
    outcome: dict[str, Any] = {"seen": [], "wrong": {}}
    tried = set[str]()
    for name in OPERATIONS:
        sound = killed(name, filled, folder, files, None)
        for number, where in enumerate(sound["seen"]):
            # What jobs write is the same whoever ordered them.
            kind = where if where.startswith("jobs/") else f"{name}: {where}"
            if kind in tried and not every:
                continue
            tried.add(kind)
            if faults := killed(name, filled, folder, files, number)["wrong"]:
                outcome["wrong"][f"{name}, killed in {where} ({number})"] = faults
        outcome["seen"] += sorted(set(sound["seen"]))
        outcome["wrong"] |= {name: sound["wrong"]} if sound["wrong"] else {}
    print(json.dumps(outcome))  # noqa: T201 - it is a program


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["every"])
