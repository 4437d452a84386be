"""STAC API: scenes and results as items, for pystac-client, QGIS's browser and whoever else speaks it."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy import and_, case, func, or_, select
from starlette.responses import JSONResponse

from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.routes import links
from geosar_tiler.routes.stac_items import VERSION, result_item, scene_item
from geosar_tiler.routes.stac_search import MAXIMUM, Search, find, shown
from geosar_tiler.services import Services, Shared
from geosar_tiler.state import catalogue, presentable
from geosar_tiler.state.database import Job, Scene

router = APIRouter(prefix="/stac", tags=["STAC"])

CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
]
COLLECTIONS = {
    "scenes": ("SAR scenes", "SAR scenes as they were sent to this service."),
    "results": ("Synthetic optical images", "Optical-looking images made from SAR by a model; not observations."),
}

Limit = Annotated[int, Query(ge=1, le=MAXIMUM)]
Offset = Annotated[int, Query(ge=0, le=2**31)]
Text = Annotated[str | None, Query(max_length=10_000)]


class GeoJSONResponse(JSONResponse):
    """A feature or a collection of them."""

    media_type = links.GEOJSON


@router.get("", summary="Root catalog")
def root(request: Request) -> dict[str, Any]:
    """Return the landing page of the STAC API."""
    here = links.url(request, "stac")
    search = links.url(request, "stac/search")
    return {
        "type": "Catalog",
        "stac_version": VERSION,
        "id": "geosar",
        "title": "geosar",
        "description": "SAR scenes, and synthetic optical images made from them.",
        "conformsTo": CONFORMANCE,
        "links": [
            links.link(here, "self"),
            links.link(here, "root"),
            links.link(links.url(request, "stac/conformance"), "conformance"),
            links.link(links.url(request, "stac/collections"), "data"),
            {**links.link(search, "search", links.GEOJSON), "method": "GET"},
            {**links.link(search, "search", links.GEOJSON), "method": "POST"},
            links.link(links.url(request, "openapi.json"), "service-desc", links.OPENAPI),
            links.link(links.url(request, "docs"), "service-doc", "text/html"),
            *(links.link(links.url(request, f"stac/collections/{name}"), "child") for name in COLLECTIONS),
        ],
    }


@router.get("/conformance", summary="Conformance of the STAC API")
def conformance() -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": CONFORMANCE}


@router.get("/collections", summary="List the collections")
def collections(request: Request, services: Shared) -> dict[str, Any]:
    """Return both collections."""
    own = [
        links.link(links.url(request, "stac/collections"), "self"),
        links.link(links.url(request, "stac"), "root"),
        links.link(links.url(request, "stac"), "parent"),
    ]
    return {"collections": [_collection(request, services, name) for name in COLLECTIONS], "links": own}


@router.get("/collections/{collection_id}", summary="Show a collection")
def collection(request: Request, services: Shared, collection_id: str) -> dict[str, Any]:
    """Return one collection, with its extent."""
    return _collection(request, services, _known(collection_id))


@router.get("/collections/{collection_id}/items", summary="List items", response_class=GeoJSONResponse)
def items(
    request: Request,
    services: Shared,
    collection_id: str,
    *,
    limit: Limit = 10,
    offset: Offset = 0,
    bbox: Annotated[str | None, Query(max_length=200)] = None,
    datetime: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """Return a page of items, the newest first."""
    search_request = Search(
        collections=[_known(collection_id)], datetime=datetime, limit=limit, offset=offset, bbox=_numbers(bbox)
    )
    return _page(request, services, search_request)


@router.get("/collections/{collection_id}/items/{item_id}", summary="Show an item", response_class=GeoJSONResponse)
def item(request: Request, services: Shared, collection_id: str, item_id: str) -> dict[str, Any]:
    """Return one item."""
    features = _page(request, services, Search(collections=[_known(collection_id)], ids=[item_id]))["features"]
    if not features:
        raise NotFoundError(f"the collection {collection_id!r} has no item {item_id!r}.")
    one: dict[str, Any] = features[0]
    return one


@router.get("/search", summary="Search items", response_class=GeoJSONResponse)
def search(
    request: Request,
    services: Shared,
    *,
    collections: Annotated[str | None, Query(max_length=200)] = None,
    ids: Text = None,
    bbox: Annotated[str | None, Query(max_length=200)] = None,
    intersects: Annotated[str | None, Query(max_length=10_000, description="A GeoJSON geometry.")] = None,
    datetime: Annotated[str | None, Query(max_length=100)] = None,
    query: Annotated[str | None, Query(max_length=10_000, description='{"title": {"contains": "river"}}')] = None,
    sortby: Annotated[str | None, Query(max_length=500, description="-datetime,title")] = None,
    fields: Annotated[str | None, Query(max_length=2000, description="id,properties.datetime,-geometry")] = None,
    limit: Limit = 10,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Find scenes and results by place, time, collection, identifier and property."""
    parameters = {
        "collections": None if collections is None else collections.split(","),
        "ids": None if ids is None else ids.split(","),
        "bbox": _numbers(bbox),
        "intersects": _json("intersects", intersects),
        "datetime": datetime,
        "query": _json("query", query),
        "sortby": None if sortby is None else [_key(word) for word in sortby.split(",") if word.strip("+- ")],
        "fields": None if fields is None else _chosen(fields.split(",")),
        "limit": limit,
        "offset": offset,
    }
    try:
        search_request = Search.model_validate(parameters)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidError(f"the search is not valid: {faults}.") from error
    return _page(request, services, search_request)


@router.post("/search", summary="Search items", response_class=GeoJSONResponse)
def search_by_body(request: Request, services: Shared, body: Search) -> dict[str, Any]:
    """Find the same, asked for in a body."""
    return _page(request, services, body)


def _numbers(bbox: str | None) -> list[float] | None:
    box = catalogue.parse_box(bbox)
    return None if box is None else list(box)


def _json(name: str, text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidError(f"{name} is {(text or '')[:80]!r}; expected JSON.") from None


def _key(word: str) -> dict[str, str]:
    # A plus in a query is a space after decoding.
    return {"field": word.strip("+- "), "direction": "desc" if word.startswith("-") else "asc"}


def _chosen(words: list[str]) -> dict[str, list[str]]:
    names = [word.strip() for word in words if word.strip(" +-")]
    return {
        "include": [name.lstrip("+ ") for name in names if not name.startswith("-")],
        "exclude": [name[1:] for name in names if name.startswith("-")],
    }


def _page(request: Request, services: Services, criteria: Search) -> dict[str, Any]:
    with services.database.begin() as session:
        page = find(session, criteria)

    def present(row: tuple[Scene, Job | None]) -> dict[str, Any]:
        scene, job = row
        one = scene_item(request, scene) if job is None else result_item(request, services, scene, job)
        return shown(one, criteria.fields)

    features = presentable.shown(page.rows, present)
    answer: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": features,
        "numberMatched": page.total,
        "numberReturned": len(features),
        "links": [links.link(links.url(request, "stac"), "root")],
    }
    if page.rows and criteria.offset + len(page.rows) < page.total:
        answer["links"].append(_next(request, criteria))
    return answer


def _next(request: Request, criteria: Search) -> dict[str, Any]:
    offset = criteria.offset + criteria.limit
    if request.method == "POST":
        body = criteria.model_dump(exclude_none=True) | {"offset": offset}
        link = links.link(links.url(request, "stac/search"), "next", links.GEOJSON)
        return {**link, "method": "POST", "body": body}
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    query = {**request.query_params, "limit": criteria.limit, "offset": offset}
    return {**links.link(links.url(request, path, **query), "next", links.GEOJSON), "method": "GET"}


def _known(name: str) -> str:
    if name not in COLLECTIONS:
        raise NotFoundError(f"there is no collection {name!r}; there are {', '.join(COLLECTIONS)}.")
    return name


def _collection(request: Request, services: Services, name: str) -> dict[str, Any]:
    likely = and_(Scene.acquired > catalogue.EARLIEST, Scene.acquired < catalogue.LATEST)
    moment = case((likely, Scene.acquired), else_=Scene.created)
    across = Scene.west > Scene.east  # the antimeridian
    placed = and_(Scene.south >= -90, Scene.north <= 90, Scene.west >= -180, Scene.east <= 180)
    with services.database.begin() as session:
        bounds = session.execute(
            select(
                func.min(Scene.west), func.min(Scene.south), func.max(Scene.east), func.max(Scene.north),
                func.min(moment), func.max(moment), func.count().filter(across), func.count(Scene.west),
            ).where(or_(Scene.west.is_(None), placed)),
        ).one()  # fmt: skip
    box = [-180.0, -90.0, 180.0, 90.0] if bounds[0] is None else list(bounds[:4])
    if 0 < bounds[6] < bounds[7]:  # some lie across and some do not: a box around all goes around the Earth
        box[0], box[2] = -180.0, 180.0
    title, description = COLLECTIONS[name]
    here = f"stac/collections/{name}"
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": name,
        "title": title,
        "description": description,
        "license": "other",
        "keywords": ["SAR"] if name == "scenes" else ["SAR", "synthetic"],
        "extent": {
            "spatial": {"bbox": [box]},
            "temporal": {"interval": [[catalogue.timestamp(bounds[4]), catalogue.timestamp(bounds[5])]]},
        },
        "links": [
            links.link(links.url(request, here), "self"),
            links.link(links.url(request, "stac"), "root"),
            links.link(links.url(request, "stac"), "parent"),
            links.link(links.url(request, f"{here}/items"), "items", links.GEOJSON),
        ],
    }
