"""A true optical image of a scene: looked at, put where it belongs, entered in the place of another; and out again."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geosar_tiler.errors import InvalidError, UnsupportedError
from geosar_tiler.ingest.receive import Received
from geosar_tiler.ingest.register import SceneRegister
from geosar_tiler.jobs import copies
from geosar_tiler.state import catalogue, references
from geosar_tiler.state.database import Reference, Scene
from geosar_tiler.state.states import Process
from geosar_tiler.state.store import safe_filename

DIGITS = 8
"""Of the checksum, before a name that another image of the scene has."""


def enter(register: SceneRegister, scene: Scene, file: Received, folder: Path) -> None:
    """Look at a complete upload, and enter it; `folder` is one for this upload alone.

    Raises the errors of geosar and of `geosar_tiler.errors` for what is no picture of the scene; then nothing has
    changed.
    """
    if file.driver == "SAFE":
        raise UnsupportedError("a zip is no picture; expected a GeoTIFF, PNG or JPEG.")
    name = safe_filename(file.filename, file.driver)
    looked_at = folder / "named" / name
    looked_at.parent.mkdir()
    file.path.replace(looked_at)
    description = register.inspector.picture(looked_at)
    place = _place(scene, description)
    register.check_size(description)
    with register.store.exclusively():
        catalogue.get(register.database, scene.id)  # it may have been removed meanwhile
        _put(register, scene, file, looked_at, place)
    register.runner.wake()


def _put(register: SceneRegister, scene: Scene, file: Received, path: Path, place: dict[str, Any] | None) -> None:
    """Put the file beside the one that is there; the rows change at one moment, and then that one goes."""
    store = register.store
    before = references.find(register.database, scene.id)
    name = path.name
    if before is not None and before.filename == name:
        name = f"{file.sha256[:DIGITS]}_{name}" if before.sha256 != file.sha256 else name
    target = store.reference_source(scene.id, name)
    store.place(path, target)
    new = Reference(
        scene_id=scene.id, sha256=file.sha256, filename=name, size=file.size, created=time.time(),
        georeferenced=scene.geometry is not None,
    )  # fmt: skip

    def change(session: Session) -> None:
        _forget(session, scene.id)
        session.add(new)
        copies.order(session, scene.id, Process.REFERENCE, {"place": place}, new.created)

    try:
        with register.database.begin() as session:
            change(session)
    except SQLAlchemyError:
        if before is None or before.filename != name:
            store.discard(target)
        raise
    if before is not None and before.filename != name:
        store.discard(store.reference_source(scene.id, before.filename))
    store.discard(store.reference(scene.id))


def remove(register: SceneRegister, scene: Scene) -> bool:
    """Forget the picture of a scene, and free its disk; returns whether there was one."""
    with register.store.exclusively():
        there = register.database.write_always(lambda session: _forget(session, scene.id))
        register.store.discard(register.store.reference(scene.id))
        register.store.discard(register.store.scene(scene.id) / "reference")
    register.runner.wake()
    return there


def _forget(session: Session, scene_id: str) -> bool:
    copies.dismiss(session, scene_id, Process.REFERENCE)
    deleted = session.execute(delete(Reference).where(Reference.scene_id == scene_id))
    return bool(getattr(deleted, "rowcount", 0))


def _place(scene: Scene, description: dict[str, Any]) -> dict[str, Any] | None:
    """Say where the picture lies: None where it says so itself, else where the scene does; raises InvalidError."""
    here = scene.description
    if description["geometry"] is not None and scene.geometry is not None:
        west, south, east, north = description["bbox"]
        apart = south > (scene.north or 0) or north < (scene.south or 0)
        # A box across the antimeridian has its west east of its east; such are taken as they are.
        if west <= east and (scene.west or 0) <= (scene.east or 0):
            apart = apart or west > (scene.east or 0) or east < (scene.west or 0)
        if apart:
            raise InvalidError(
                f"the picture lies at {west:.4g}, {south:.4g}, {east:.4g}, {north:.4g}, beside the scene's "
                f"{scene.west:.4g}, {scene.south:.4g}, {scene.east:.4g}, {scene.north:.4g}; expected one of its place.",
            )
        return None
    if (description["width"], description["height"]) != (here["width"], here["height"]):
        raise InvalidError(
            "the picture has no place on a map that goes with the scene's, and "
            f"{description['width']} x {description['height']} pixels; expected the scene's {here['width']} x "
            f"{here['height']}, or a georeference.",
        )
    return {"crs": here["crs"], "transform": here["transform"]}
