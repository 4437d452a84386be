"""STAC item search: what was asked for, and the rows that answer it. Extensions: fields, sort and query."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import shapely
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import String, and_, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from geosar_tiler.errors import InvalidError
from geosar_tiler.state import catalogue
from geosar_tiler.state.database import Job, Scene
from geosar_tiler.state.states import JobStatus, Process
from geosar_tiler.words import Body

COLLECTIONS = ("scenes", "results")
MAXIMUM = 1000
LONGEST_GEOMETRY = 100_000
"""Vertices and brackets of a geometry, roughly: characters of its text."""
MOST_MENDED = 50
"""Corners of a geometry that is not valid, as its sides cross; with more it is refused."""
PROPERTIES = {
    "id": str, "collection": str, "title": str, "datetime": float, "created": float, "geosar:unit": str,
    "geosar:model": str, "geosar:model_version": str,
}  # fmt: skip
"""What can be asked and sorted by. Times are written as RFC 3339, and kept as seconds."""
OPERATORS = ("eq", "neq", "lt", "lte", "gt", "gte", "startsWith", "endsWith", "contains", "in")
Direction = Literal["asc", "desc"]


def _as_property(name: str) -> str:
    bare = name.removeprefix("properties.")
    if bare not in PROPERTIES:
        raise ValueError(f"{name!r} cannot be searched or sorted by; there are {', '.join(PROPERTIES)}")
    return bare


Property = Annotated[str, AfterValidator(_as_property)]


class Sort(BaseModel):
    """One key of the sort extension."""

    field: Property
    direction: Direction = "asc"


class Fields(BaseModel):
    """The fields extension: what an item shows."""

    include: list[str] | None = Field(None, max_length=200)
    exclude: list[str] | None = Field(None, max_length=200)


class Search(Body):
    """Body of an item search; members of extensions that are not there have no effect, as the specification allows."""

    model_config = ConfigDict(extra="ignore")

    collections: list[str] | None = Field(None, max_length=100)
    ids: list[str] | None = Field(None, max_length=MAXIMUM)
    bbox: list[float] | None = Field(None, min_length=4, max_length=6)
    intersects: dict[str, Any] | None = Field(None, description="A GeoJSON geometry; not together with bbox.")
    datetime: str | None = Field(None, max_length=100)
    query: dict[Property, dict[str, Any]] | None = None
    sortby: list[Sort] | None = Field(None, max_length=10)
    fields: Fields | None = None
    limit: int = Field(10, ge=1, le=MAXIMUM)
    offset: int = Field(0, ge=0, le=2**31)


@dataclass(frozen=True, slots=True)
class Results:
    """A page of rows, each a scene and the job of a result or None, and how many there are in all."""

    rows: list[tuple[Scene, Job | None]]
    total: int


def find(session: Session, criteria: Search) -> Results:
    """Find scenes and results; raises InvalidError for what makes no sense."""
    shape, box = _place(criteria)
    since, until = catalogue.parse_interval(criteria.datetime)
    rows = _both(box).subquery()
    query = select(rows.c.collection, rows.c.id, rows.c.scene_id)
    if since is not None:
        query = query.where(rows.c.datetime >= since)
    if until is not None:
        query = query.where(rows.c.datetime <= until)
    if criteria.collections is not None:
        query = query.where(rows.c.collection.in_(criteria.collections))
    if criteria.ids is not None:
        query = query.where(rows.c.id.in_(criteria.ids))
    for name, tests in (criteria.query or {}).items():
        query = query.where(and_(*(_test(rows.c[name], name, sign, value) for sign, value in tests.items())))
    for key in criteria.sortby or [Sort(field="collection", direction="desc"), Sort(field="created", direction="desc")]:
        column = rows.c[key.field]
        query = query.order_by(column.desc() if key.direction == "desc" else column.asc())
    query = query.order_by(rows.c.id)
    start, end = criteria.offset, criteria.offset + criteria.limit
    if shape is None:
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        page = list(session.execute(query.offset(start).limit(criteria.limit)).all())
    else:  # the database knows boxes alone
        outlines = session.execute(select(Scene.id, Scene.geometry).where(Scene.id.in_(select(rows.c.scene_id))))
        touching = {name for name, outline in outlines if outline and shapely.intersects(shape, _shape(outline))}
        within = [row for row in session.execute(query).all() if row.scene_id in touching]
        page, total = within[start:end], len(within)
    scenes = {one.id: one for one in session.scalars(select(Scene).where(Scene.id.in_({row.scene_id for row in page})))}
    results = {row.id for row in page if row.collection == "results"}
    jobs = {one.id: one for one in session.scalars(select(Job).where(Job.id.in_(results)))}
    # What was removed between one query and the next is left out.
    there = [row for row in page if row.scene_id in scenes and (row.collection == "scenes" or row.id in jobs)]
    return Results([(scenes[row.scene_id], jobs.get(row.id)) for row in there], total)


def _both(box: catalogue.Box | None) -> Any:
    """One list over scenes and results, with what can be asked of them."""
    scenes = catalogue.matching(bbox=box).where(Scene.west.is_not(None))
    done = scenes.join(Job, Job.scene_id == Scene.id).where(
        Job.process == Process.TRANSLATE, Job.status == JobStatus.SUCCESSFUL
    )
    finished = func.coalesce(Job.finished, Job.created)
    text = null().cast(String)
    unit = Scene.description["unit"].as_string().label("geosar:unit")
    common = (Scene.id.label("scene_id"), unit)
    return union_all(
        scenes.with_only_columns(
            literal("scenes").label("collection"), Scene.id.label("id"), Scene.name.label("title"),
            Scene.created.label("created"), func.coalesce(Scene.acquired, Scene.created).label("datetime"),
            text.label("geosar:model"), text.label("geosar:model_version"), *common,
        ),
        done.with_only_columns(
            literal("results").label("collection"), Job.id.label("id"), Scene.name.label("title"),
            finished.label("created"), func.coalesce(Scene.acquired, finished).label("datetime"),
            Job.report["model"].as_string().label("geosar:model"),
            Job.report["model_version"].as_string().label("geosar:model_version"), *common,
        ),
    )  # fmt: skip


def _place(criteria: Search) -> tuple[shapely.Geometry | None, catalogue.Box | None]:
    if criteria.intersects is None:
        return None, catalogue.parse_box(None if criteria.bbox is None else ",".join(map(str, criteria.bbox)))
    if criteria.bbox is not None:
        raise InvalidError("both bbox and intersects are given; expected one of them.")
    shape = _shape(criteria.intersects)
    west, south, east, north = shapely.bounds(shape).tolist()
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidError("intersects leaves the range of longitudes and latitudes; expected degrees.")
    return shape, (west, south, east, north)


def _shape(geometry: dict[str, Any]) -> shapely.Geometry:
    text = json.dumps(geometry)
    if len(text) > LONGEST_GEOMETRY:
        raise InvalidError(f"intersects is {len(text)} characters long; expected {LONGEST_GEOMETRY} at most.")
    try:
        shape = shapely.from_geojson(text)
    except shapely.errors.ShapelyError as error:
        raise InvalidError(f"intersects is no GeoJSON geometry: {error}.") from error
    if shape is None or shape.is_empty:
        raise InvalidError("intersects is empty; expected a GeoJSON geometry with coordinates.")
    if shape.is_valid:
        return shape
    corners = int(shapely.get_num_coordinates(shape))
    if corners > MOST_MENDED:  # sides can cross as often as the square of their number
        raise InvalidError(
            f"intersects is not valid ({shapely.is_valid_reason(shape)}), and with its {corners} corners too large to "
            "be mended here. Send a geometry whose sides do not cross."
        )
    return shapely.make_valid(shape)


def _test(column: Any, name: str, sign: str, value: Any) -> Any:
    """One comparison of the query extension."""
    if sign not in OPERATORS:
        raise InvalidError(f"the query has the operator {sign!r}; expected one of {', '.join(OPERATORS)}.")
    if sign == "in":
        if not isinstance(value, list) or len(value) > MAXIMUM:
            raise InvalidError(f"`in` of {name} is {value!r}; expected a list.")
        return column.in_([_value(name, one) for one in value])
    if sign in {"startsWith", "endsWith", "contains"}:
        method = {"startsWith": "startswith", "endsWith": "endswith"}.get(sign, sign)
        if PROPERTIES[name] is not str or not isinstance(value, str):
            raise InvalidError(f"`{sign}` of {name} is {value!r}; expected a text, of a property that is one.")
        return getattr(column, method)(value, autoescape=True)
    operator = {"eq": "__eq__", "neq": "__ne__", "lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}[sign]
    return getattr(column, operator)(_value(name, value))


def _value(name: str, value: Any) -> str | float:
    if not isinstance(value, str):
        raise InvalidError(f"the query compares {name} with {value!r}; expected a text.")
    if PROPERTIES[name] is str:
        return value
    moment, _ = catalogue.parse_interval(value)
    if moment is None:
        raise InvalidError(f"the query compares {name} with {value!r}; expected a time such as 2024-01-01T00:00:00Z.")
    return moment


ALWAYS = ("id", "type", "collection")
"""Without these an item is none, so they are shown whatever is left out."""


def shown(item: dict[str, Any], fields: Fields | None) -> dict[str, Any]:
    """Return the part of an item that was asked for; names with dots lead into what lies below."""
    if fields is None or not (fields.include or fields.exclude):
        return item
    part: dict[str, Any] = {} if fields.include else json.loads(json.dumps(item))
    for path in (*ALWAYS, *(fields.include or [])):
        _copy(item, part, path.split("."))
    for path in fields.exclude or []:
        if path not in ALWAYS and path not in (fields.include or []):
            _drop(part, path.split("."))
    return part


def _copy(source: Any, target: dict[str, Any], names: list[str]) -> None:
    name, *rest = names
    if not isinstance(source, dict) or name not in source:
        return
    if rest and isinstance(source[name], dict):
        _copy(source[name], target.setdefault(name, {}), rest)
    elif not rest:
        target[name] = source[name]


def _drop(target: Any, names: list[str]) -> None:
    name, *rest = names
    if not isinstance(target, dict) or name not in target:
        return
    if rest:
        _drop(target[name], rest)
    else:
        del target[name]
