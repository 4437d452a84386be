"""From complete files to a scene: looked at, put where it belongs, entered once for each content."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from geosar.scene.polarisations import named_in
from tiler.errors import ConflictError, InvalidError
from tiler.ingest.receive import Received
from tiler.jobs import queue
from tiler.services import Services
from tiler.state import catalogue
from tiler.state.database import Scene
from tiler.state.store import safe_filename

ID_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Stated:
    """What the sender of a scene says of it, as geosar's options have it."""

    name: str | None = None
    polarisation: str | None = None
    scale: str | None = None
    force: bool = False

    @property
    def opening(self) -> dict[str, Any]:
        """Options of `geosar.open_scene`."""
        return {"polarisation": self.polarisation, "scale": self.scale, "force": self.force}


def add(services: Services, files: Sequence[Received], stated: Stated, folder: Path) -> tuple[Scene, bool]:
    """Look at a complete upload and enter it; gives the scene, and whether it is new.

    Several files are one scene, each of one polarisation. `folder` is one for this upload alone. Raises the errors of
    geosar and of `tiler.errors` for what is no scene.
    """
    named = by_polarisation(files) if len(files) > 1 else {"": files[0]}
    content = _digest(named)
    scene_id = content[:ID_LENGTH]
    known = catalogue.find(services.database, scene_id)
    if known is not None:
        return known, False
    # GDAL and geosar take hints from the name, so each file has its own from the start.
    looked_at = {key: folder / "named" / name for key, name in _names(named).items()}
    (folder / "named").mkdir()
    for key, path in looked_at.items():
        named[key].path.replace(path)
    found = services.inspector.describe(looked_at if len(files) > 1 else looked_at[""], **stated.opening)
    filenames = {key: path.name for key, path in looked_at.items()}
    scene = _row(scene_id, content, found, filenames, stated)
    scene.size = sum(one.size for one in files)
    targets = [services.store.source(scene_id, name) for name in filenames.values()]
    for path, target in zip(looked_at.values(), targets, strict=True):
        services.store.place(path, target)
    try:
        with services.database.begin() as session:
            session.add(scene)
    except IntegrityError:  # the same file was sent twice at once
        return catalogue.get(services.database, scene_id), False
    if not all(target.is_file() for target in targets):
        catalogue.remove(services, scene_id)
        raise ConflictError("the same scene was removed at this very moment. Send it again.")
    prepare(services, scene)
    return scene, True


def prepare(services: Services, scene: Scene) -> None:
    """Have the copy made that SAR tiles come from, and what is shown until it is there."""
    key = queue.key_of("prepare", scene.id, {"nonce": scene.created})
    queue.submit(services.database, scene, "prepare", key=key, inputs=catalogue.opening(scene), queue_length=0)
    services.runner.wake()
    services.direct.warm(scene)


def by_polarisation(files: Sequence[Received]) -> dict[str, Received]:
    """Say which file holds which polarisation, by the name of its field or else its own; raises InvalidError."""
    found: dict[str, Received] = {}
    for one in files:
        names = named_in(one.label) or named_in(Path(one.filename).stem)
        if len(names) != 1:
            raise InvalidError(
                f"{one.filename!r} does not say which polarisation it holds. Several files make one scene when each "
                "is called VV, VH, HH or HV, by the name of its field (-F VV=@a.tif -F VH=@b.tif) or in its own.",
            )
        (name,) = names
        if name in found:
            raise InvalidError(f"{found[name].filename!r} and {one.filename!r} are both {name}; expected one of each.")
        found[name] = one
    return found


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


def _row(scene_id: str, content: str, found: dict[str, Any], filenames: dict[str, str], stated: Stated) -> Scene:
    west, south, east, north = found["bbox"] or (None,) * 4
    acquired = found["acquired"]
    first = next(iter(filenames.values()))
    return Scene(
        id=scene_id, sha256=content, name=stated.name or first.rpartition(".")[0], filename=first,
        parts=None if "" in filenames else filenames, geometry=found.pop("geometry"), west=west, south=south,
        east=east, north=north, acquired=None if acquired is None else datetime.fromisoformat(acquired).timestamp(),
        polarisation=stated.polarisation, unit=stated.scale, force=stated.force,
        description={**found, "source": ", ".join(filenames.values())}, display="preparing", message="",
        created=time.time(),
    )  # fmt: skip
