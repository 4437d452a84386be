"""Reading a scene anew, with other words: what is shown is made again, what was made before is kept, and said to be."""

import time
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geosar_tiler.errors import ConflictError
from geosar_tiler.ingest.register import SceneRegister, as_read
from geosar_tiler.ingest.resumable import linked
from geosar_tiler.jobs import copies
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.state import catalogue, readings
from geosar_tiler.state.database import Job, Reference, Scene
from geosar_tiler.state.states import CopyState, Process


def change(register: SceneRegister, scene_id: str, changes: SceneOptions) -> Scene:
    """Say of a scene what `changes` does, and leave the rest as it was said; returns the scene as it is then.

    Raises the errors of geosar where the scene cannot be read so, and ConflictError where it changed meanwhile; then it
    stays as it was.
    """
    scene = catalogue.get(register.database, scene_id)
    options = SceneOptions.of(catalogue.stated(scene)).model_copy(
        update={key: getattr(changes, key) for key in changes.model_fields_set}
    )
    if options.opening != catalogue.stated(scene) or register.terrain.has_changed(scene.description):
        _read_anew(register, scene, options)
    if changes.name is not None:
        return catalogue.rename(register.database, scene_id, changes.name)
    return catalogue.get(register.database, scene_id)


def _read_anew(register: SceneRegister, scene: Scene, options: SceneOptions) -> None:
    if not register.is_whole(scene):
        raise ConflictError("the files of the scene are gone, so it cannot be read anew. Send it again.")
    files = catalogue.files(register.store, scene)
    with register.store.upload() as folder:
        # The process that looks at files sees those alone that come in.
        seen = {key: linked(path, folder / path.name) for key, path in files.items()}
        description = register.look(seen if scene.parts else seen[""], options)
    register.check_size(description)
    register.stop_jobs(scene, Process.PREPARE)
    columns = as_read(description, [path.name for path in files.values()], options)
    with register.store.exclusively():
        now = catalogue.get(register.database, scene.id)
        if readings.key(now) != readings.key(scene):
            raise ConflictError("somebody else changed the scene at the same moment. Look at it, and try again.")
        before = _files_of_reading(register, now)
        _enter(register, now, columns)
        for path in before:
            register.store.discard(path)
    register.live.forget(scene.id)
    register.direct.forget(scene.id)
    register.runner.wake()
    register.direct.warm(catalogue.get(register.database, scene.id))


def _files_of_reading(register: SceneRegister, scene: Scene) -> tuple[Path, ...]:
    number = readings.number(scene)
    return register.store.display(scene.id, number), register.store.overview(scene.id, number)


def _enter(register: SceneRegister, scene: Scene, columns: dict[str, object]) -> None:
    """Write the new reading and the order of its copy together, or neither."""
    ordered = time.time()
    with register.database.begin() as session:
        jobs = session.scalars(select(Job).where(Job.scene_id == scene.id, Job.process == Process.TRANSLATE)).all()
        values = {**columns, "readings": readings.next_one(scene, jobs), "display": CopyState.PREPARING, "message": ""}
        session.execute(update(Scene).where(Scene.id == scene.id).values(**values))
        session.expire_all()
        read = session.get_one(Scene, scene.id)
        copies.order(session, scene.id, Process.PREPARE, catalogue.opening(read), ordered)
        _place_picture(session, scene, read, ordered)


def _place_picture(session: Session, before: Scene, scene: Scene, ordered: float) -> None:
    """Order the copy of the true optical image again where that lies as the scene does."""
    picture = session.get(Reference, scene.id)
    last = copies.last_order(session, scene.id, Process.REFERENCE, 0.0 if picture is None else picture.created)
    if picture is None or last is None or last.inputs.get("place") is None:
        return
    now, then = scene.description, before.description
    if (now["width"], now["height"]) != (then["width"], then["height"]):
        picture.state = CopyState.FAILED
        picture.message = "the scene is read on another grid now. Send the picture again."
    elif (now["crs"], now["transform"]) != (then["crs"], then["transform"]):
        copies.dismiss(session, scene.id, Process.REFERENCE)
        picture.state, picture.created, picture.georeferenced = CopyState.PREPARING, ordered, scene.geometry is not None
        place = {"crs": now["crs"], "transform": now["transform"]}
        copies.order(session, scene.id, Process.REFERENCE, {"place": place}, ordered)
