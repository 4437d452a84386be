"""From complete files to a scene: looked at, put where it belongs, entered once for each content; and out again."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import and_, delete, func, select, true, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from geosar.scene.polarisations import named_in
from geosar.vocabulary import UNKNOWN
from geosar_tiler.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from geosar_tiler.ingest.receive import Received, check_free
from geosar_tiler.jobs import copies
from geosar_tiler.jobs.runner import JobRunner
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.state import catalogue
from geosar_tiler.state.database import Database, Job, Reference, Scene, is_full
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.quota import Quota, least_copy_bytes
from geosar_tiler.state.states import LIVE, CopyState, JobStatus, Process
from geosar_tiler.state.store import Store, safe_filename
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles.open_scenes.direct import DirectScenes
from geosar_tiler.tiles.open_scenes.live import LiveScenes

ID_LENGTH = 20
REMOVAL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SceneRegister:
    """Enters scenes, and takes them out again with all that was made of them."""

    store: Store
    database: Database
    inspector: Inspector
    runner: JobRunner
    live: LiveScenes
    direct: DirectScenes
    quota: Quota
    most_pixels: float
    terrain: Terrain

    def add(self, files: Sequence[Received], options: SceneOptions, folder: Path) -> tuple[Scene, bool]:
        """Look at a complete upload and enter it; returns the scene, and whether it is new.

        Several files are one scene, each of one polarisation. `folder` is one for this upload alone. Raises the errors
        of geosar and of `geosar_tiler.errors` for what is no scene.
        """
        named = by_polarisation(files) if len(files) > 1 else {"": files[0]}
        content = _digest(named)
        scene_id = content[:ID_LENGTH]
        known = catalogue.find(self.database, scene_id)
        if known is not None:
            if self.is_whole(known):
                _check_same(known, options)
                return known, False
            with suppress(NotFoundError):  # it is being removed at this very moment
                self.remove(scene_id)
        # GDAL and geosar take hints from the name, so each file has its own from the start.
        looked_at = {key: folder / "named" / name for key, name in _names(named).items()}
        (folder / "named").mkdir()
        for key, path in looked_at.items():
            named[key].path.replace(path)
        description = self.look(looked_at if len(files) > 1 else looked_at[""], options)
        self.check_size(description)
        scene = _row(scene_id, content, description, {key: path.name for key, path in looked_at.items()}, options)
        scene.size = sum(one.size for one in files)
        with self.store.exclusively():
            known = catalogue.find(self.database, scene_id)
            if known is not None:  # the same file was sent twice at once
                _check_same(known, options)
                return known, False
            self._enter(scene, folder / "named")
        self.runner.wake()
        self.direct.warm(scene)
        return scene, True

    def look(self, source: Path | dict[str, Path], options: SceneOptions) -> dict[str, Any]:
        """Describe files as they are read with these words; raises the errors of geosar."""
        of_product = self.terrain.options if isinstance(source, Path) and source.suffix == ".zip" else {}
        description = self.inspector.describe(source, **options.opening, **of_product)
        description["notes"] += _of_what_did_not_come(description, source)
        return {**description, **self.terrain.described(description)}

    def is_whole(self, scene: Scene) -> bool:
        """Whether a scene has its files; else it was being removed, and that did not come to its end."""
        return all(path.is_file() for path in catalogue.files(self.store, scene).values())

    def _enter(self, scene: Scene, folder: Path) -> None:
        """Put the files where they belong; row and order of the copy for SAR tiles are written together, or neither."""
        self.store.place_scene(scene.id, folder)
        try:
            with self.database.begin() as session:
                session.add(scene)
                session.flush()
                copies.order(session, scene.id, Process.PREPARE, catalogue.opening(scene), scene.created)
        except SQLAlchemyError:
            self.store.discard(self.store.scene(scene.id))
            raise

    def check_size(self, description: dict[str, Any]) -> None:
        """Raise TooLargeError for more pixels than are taken, StoreFullError where their copy would have no space."""
        width, height = description["width"], description["height"]
        if width * height > self.most_pixels:
            raise TooLargeError(
                f"the raster has {width} x {height} pixels; this service takes {self.most_pixels / 1e6:g} megapixels "
                "at most. Send it in parts.",
            )
        shares = [one["valid_fraction"] for one in description.get("statistics", {}).values()]
        pixel = 2 * len(shares) or 3
        check_free(self.quota.free_bytes(), least_copy_bytes(width, height, pixel, min(shares, default=1.0)))

    def remove(self, scene_id: str) -> None:
        """Stop the scene's jobs, forget it, and free its disk; raises ConflictError when a job does not stop.

        What is stopped midway is finished by `geosar_tiler.ingest.agreement`.
        """
        scene = catalogue.get(self.database, scene_id)
        self.stop_jobs(scene)
        self.live.forget(scene_id)
        self.direct.forget(scene_id)
        with self.store.exclusively():
            current = catalogue.get(self.database, scene_id)
            if current.created == scene.created:  # else it was removed and sent again meanwhile
                self.withdraw(scene_id)
        self.store.keep_reserve()

    def withdraw(self, scene_id: str) -> None:
        """Take files and rows of a scene out of the store, `exclusively`."""
        with self.database.begin() as session:
            jobs = list(session.scalars(select(Job.id).where(Job.scene_id == scene_id)))
        self.store.withdraw_scene(scene_id, jobs)
        forget = partial(_forget, scene_id=scene_id)
        try:
            self.database.write_always(forget)
        except SQLAlchemyError as error:
            if not is_full(error):
                self.store.restore_scene(scene_id)
                raise
            self.store.empty_removed(scene_id)  # the disk has no space to write that the files are gone
            self.database.write_always(forget)
        self.store.discard(self.store.removed / scene_id)

    def stop_jobs(self, scene: Scene, process: Process | None = None) -> None:
        """Stop the scene's jobs, or those of one process, and wait for that; raises ConflictError when one does not."""
        mine = and_(Job.scene_id == scene.id, true() if process is None else Job.process == process)

        def stop(session: Session) -> None:
            values = {"status": JobStatus.DISMISSED, "updated": time.time()}
            session.execute(update(Job).where(mine, Job.status == JobStatus.ACCEPTED).values(**values))
            session.execute(update(Job).where(mine, Job.status == JobStatus.RUNNING).values(cancel=True))

        try:
            self.database.write_always(stop)
        except OperationalError as error:
            if is_full(error):
                return  # the files are freed all the same; a job without a row is ended by its runner
            raise
        self.runner.wake()
        end = time.monotonic() + REMOVAL_SECONDS
        while True:
            with self.database.begin() as session:
                if not session.scalar(select(func.count()).select_from(Job).where(mine, Job.status.in_(LIVE))):
                    return
            if time.monotonic() > end:
                raise ConflictError(
                    "a job of the scene is still running and does not stop. Try again in a few seconds."
                )
            time.sleep(0.05)


def _forget(session: Session, scene_id: str) -> None:
    session.execute(delete(Job).where(Job.scene_id == scene_id))
    session.execute(delete(Reference).where(Reference.scene_id == scene_id))
    session.execute(delete(Scene).where(Scene.id == scene_id))


def _check_same(known: Scene, options: SceneOptions) -> None:
    """Raise ConflictError where a scene that is there was sent with other words than now."""
    before = {**catalogue.stated(known), "found": known.description["unit"]}
    stated = options.opening
    if stated.get("scale") == before["found"]:  # what the values or the file said by themselves
        del stated["scale"]
    if others := [key for key, value in stated.items() if before.get(key) != value]:
        raise ConflictError(
            f"the scene {known.id} is there already, and other things were said of it ({', '.join(others)}). Delete it "
            f"first, then send it again; or say them of the scene that is there, with PATCH /scenes/{known.id}."
        )


def by_polarisation(files: Sequence[Received]) -> dict[str, Received]:
    """Say which file holds which polarisation, by the name of its field or else its own; raises InvalidError."""
    of_name: dict[str, Received] = {}
    for one in files:
        names = named_in(one.label) or named_in(Path(one.filename).stem)
        if len(names) != 1:
            raise InvalidError(
                f"{one.filename!r} does not say which polarisation it holds. Several files make one scene when each "
                "is called VV, VH, HH or HV, by the name of its field (-F VV=@a.tif -F VH=@b.tif) or in its own.",
            )
        (name,) = names
        if name in of_name:
            raise InvalidError(
                f"{of_name[name].filename!r} and {one.filename!r} are both {name}; expected one of each."
            )
        of_name[name] = one
    return of_name


def _of_what_did_not_come(scene: dict[str, Any], source: Path | dict[str, Path]) -> list[str]:
    """Say that files beside a raster do not come with it, where they may have said what nothing says now."""
    known = scene["crs"] is not None and scene["unit_certain"] and UNKNOWN not in scene["polarisations"]
    if known or scene["driver"] == "SAFE":
        return []
    first = (next(iter(source.values())) if isinstance(source, dict) else source).name
    words = f"Files beside a raster ({first}.aux.xml, a world file) do not come with it to the service. "
    return [f"{words}What they say of CRS, unit, bands or nodata can be said of the scene."]


def _digest(named: dict[str, Received]) -> str:
    if "" in named:
        return named[""].sha256
    text = "\n".join(f"{key}:{named[key].sha256}" for key in sorted(named))
    return hashlib.sha256(text.encode()).hexdigest()


def _names(named: dict[str, Received]) -> dict[str, str]:
    names = {key: safe_filename(one.filename, one.driver) for key, one in named.items()}
    if len(set(names.values())) == len(names):
        return names
    return {key: f"{key}_{name}" for key, name in names.items()}


def _row(scene_id: str, content: str, read: dict[str, Any], filenames: dict[str, str], options: SceneOptions) -> Scene:
    first = next(iter(filenames.values()))
    return Scene(
        id=scene_id, sha256=content, name=options.name or first.rpartition(".")[0], filename=first,
        parts=None if "" in filenames else filenames, created=time.time(), display=CopyState.PREPARING, message="",
        **as_read(read, filenames.values(), options),
    )  # fmt: skip


def as_read(description: dict[str, Any], filenames: Iterable[str], options: SceneOptions) -> dict[str, Any]:
    """Return the columns of a scene that follow from how it is read: what was found in its files, and what is said."""
    opening = options.opening
    west, south, east, north = description["bbox"] or (None,) * 4
    acquired = description["acquired"]
    stated = {key: value for key, value in opening.items() if key not in {"polarisation", "scale", "force"}}
    described = {key: value for key, value in description.items() if key != "geometry"}
    return {
        "geometry": description["geometry"], "west": west, "south": south, "east": east, "north": north,
        "acquired": None if acquired is None else datetime.fromisoformat(acquired).timestamp(),
        "polarisation": options.polarisation, "unit": options.unit, "force": options.force,
        "description": {**described, "source": ", ".join(filenames), "stated": stated},
    }  # fmt: skip
