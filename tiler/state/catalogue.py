"""Scenes as rows: searched and renamed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, or_, select, update

from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.state.database import Database, Scene
from geosar_tiler.state.store import Store

EARLIEST, LATEST = -62_135_596_800 + 86_400, 253_402_300_799 - 86_400
"""Seconds since 1970 within which every time can be written, in whatever zone."""
Box = tuple[float, float, float, float]

_SORTABLE: dict[str, Any] = {
    "created": Scene.created,
    "name": func.lower(Scene.name),
    "acquired": func.coalesce(Scene.acquired, Scene.created),
}


def opening(scene: Scene) -> dict[str, Any]:
    """Return the options of `geosar.open_scene`: what is said, and as `dem` what tells the elevation model, if any."""
    model = (scene.description or {}).get("dem")
    return stated(scene) if model is None else {**stated(scene), "dem": model}


def stated(scene: Scene) -> dict[str, Any]:
    """Return the options of `geosar.open_scene` that were stated of the scene."""
    options = {"polarisation": scene.polarisation, "scale": scene.unit, "force": scene.force or None}
    options |= (scene.description or {}).get("stated", {})
    return {key: value for key, value in options.items() if value is not None}


def files(store: Store, scene: Scene) -> dict[str, Path]:
    """Return the path of each file of a scene by its polarisation; "" for a scene that is one file."""
    return {key: store.source(scene.id, name) for key, name in (scene.parts or {"": scene.filename}).items()}


def source(store: Store, scene: Scene) -> Path | dict[str, Path]:
    """Return what `geosar.open_scene` opens: one file, or one for each polarisation."""
    paths = files(store, scene)
    return paths if scene.parts else paths[""]


def find(database: Database, scene_id: str) -> Scene | None:
    """Return the scene, or None."""
    with database.begin() as session:
        return session.get(Scene, scene_id)


def get(database: Database, scene_id: str) -> Scene:
    """Return the scene; raises NotFoundError."""
    scene = find(database, scene_id)
    if scene is None:
        raise NotFoundError(f"there is no scene {scene_id!r}; GET /scenes lists those that there are.")
    return scene


def search(
    database: Database,
    *,
    limit: int,
    offset: int = 0,
    bbox: Box | None = None,
    text: str | None = None,
    interval: tuple[float | None, float | None] = (None, None),
    sort: str = "-created",
) -> tuple[list[Scene], int]:
    """Return a page of scenes in the order of a column (`-` before it: the greatest first), and how many there are."""
    query = matching(bbox=bbox, text=text, since=interval[0], until=interval[1])
    column = _SORTABLE[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    with database.begin() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        page = session.scalars(query.order_by(order, Scene.id).limit(limit).offset(offset))
        return list(page), total


def matching(
    *, bbox: Box | None = None, text: str | None = None, since: float | None = None, until: float | None = None
) -> Select[Any]:
    """Make the query for scenes that touch a box, have a text in their or their file's name, and lie between two times.

    A scene that does not say when it was taken counts by when it was sent.
    """
    query: Select[Any] = select(Scene)
    if bbox is not None:
        query = _touching(query, bbox)
    if text:
        pattern = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        named = func.lower(Scene.name).like(pattern, escape="\\")
        query = query.where(or_(named, func.lower(Scene.filename).like(pattern, escape="\\")))
    moment = func.coalesce(Scene.acquired, Scene.created)
    if since is not None:
        query = query.where(moment >= since)
    if until is not None:
        query = query.where(moment <= until)
    return query


def _touching(query: Select[Any], box: Box) -> Select[Any]:
    west, south, east, north = box
    query = query.where(Scene.south <= north, Scene.north >= south)
    # A box whose west is greater than its east lies across the antimeridian: the scene's, or the one asked for.
    across = Scene.west > Scene.east
    if west > east:
        return query.where(or_(across, Scene.east >= west, Scene.west <= east))
    return query.where(
        or_(
            across & or_(Scene.west <= east, Scene.east >= west),
            ~across & (Scene.west <= east) & (Scene.east >= west),
        ),
    )


def parse_box(text: str | None) -> Box | None:
    """Read west,south,east,north in degrees; raises InvalidError."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        west, south, east, north = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    except ValueError:
        raise InvalidError(f"bbox is {text!r}; expected west,south,east,north in degrees.") from None
    if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180):
        raise InvalidError(f"bbox is {text!r}; expected west,south,east,north in degrees, the south below the north.")
    return west, south, east, north


def parse_interval(text: str | None) -> tuple[float | None, float | None]:
    """Read an instant or an interval of RFC 3339; open ends are .. or nothing."""
    if text is None:
        return None, None
    parts = text.split("/") if "/" in text else [text, text]
    try:
        first, last = (None if part in {"", ".."} else datetime.fromisoformat(part).timestamp() for part in parts)
    except ValueError:
        raise InvalidError(
            f"datetime is {text!r}; expected a time or an interval such as 2024-01-01T00:00:00Z/.."
        ) from None
    return first, last


def rename(database: Database, scene_id: str, name: str) -> Scene:
    """Give the scene another name."""
    get(database, scene_id)
    with database.begin() as session:
        session.execute(update(Scene).where(Scene.id == scene_id).values(name=name))
    return get(database, scene_id)


def timestamp(seconds: float | None) -> str | None:
    """Write a time as RFC 3339 has it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
