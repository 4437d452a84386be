"""STAC API: scenes and results as items, for pystac-client, QGIS's browser and whoever else speaks it."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from starlette.responses import JSONResponse

from geosar.provenance import EXTENSIONS
from tiler import catalogue, links
from tiler.database import Job, Scene
from tiler.errors import NotFoundError
from tiler.security import signature_of
from tiler.services import Services, Shared

router = APIRouter(prefix="/stac", tags=["STAC"])

VERSION = "1.1.0"
CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
COLLECTIONS = {
    "scenes": ("SAR scenes", "SAR scenes as they were sent to this service."),
    "results": ("Synthetic optical images", "Optical-looking images made from SAR by a model; not observations."),
}
MAXIMUM = 1000

Limit = Annotated[int, Query(ge=1, le=MAXIMUM)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


class GeoJSONResponse(JSONResponse):
    """A feature or a collection of them."""

    media_type = links.GEOJSON


class Search(BaseModel):
    """Body of an item search; members that are not supported have no effect, as the specification allows."""

    model_config = ConfigDict(extra="ignore")

    collections: list[str] | None = Field(None, max_length=100)
    ids: list[str] | None = Field(None, max_length=MAXIMUM)
    bbox: list[float] | None = Field(None, min_length=4, max_length=6)
    datetime: str | None = Field(None, max_length=100)
    limit: int = Field(10, ge=1, le=MAXIMUM)
    offset: int = Field(0, ge=0, le=2**31)


@router.get("", summary="Root catalog")
def root(request: Request) -> dict[str, Any]:
    """Give the landing page of the STAC API."""
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
            links.link(
                links.url(request, "openapi.json"), "service-desc", "application/vnd.oai.openapi+json;version=3.0"
            ),
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
    """Give both collections."""
    here = links.link(links.url(request, "stac/collections"), "self")
    return {"collections": [_collection(request, services, name) for name in COLLECTIONS], "links": [here]}


@router.get("/collections/{collection_id}", summary="Show a collection")
def collection(request: Request, services: Shared, collection_id: str) -> dict[str, Any]:
    """Give one collection, with its extent."""
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
    """Give a page of items, the newest first."""
    box = catalogue.parse_box(bbox)
    body = Search(collections=[_known(collection_id)], datetime=datetime, limit=limit, offset=offset)
    return _page(request, services, body, box)


@router.get("/collections/{collection_id}/items/{item_id}", summary="Show an item", response_class=GeoJSONResponse)
def item(request: Request, services: Shared, collection_id: str, item_id: str) -> dict[str, Any]:
    """Give one item."""
    found = _page(request, services, Search(collections=[_known(collection_id)], ids=[item_id]), None)["features"]
    if not found:
        raise NotFoundError(f"the collection {collection_id!r} has no item {item_id!r}.")
    one: dict[str, Any] = found[0]
    return one


@router.get("/search", summary="Search items", response_class=GeoJSONResponse)
def search(
    request: Request,
    services: Shared,
    *,
    collections: Annotated[str | None, Query(max_length=200)] = None,
    ids: Annotated[str | None, Query(max_length=10_000)] = None,
    bbox: Annotated[str | None, Query(max_length=200)] = None,
    datetime: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 10,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Find scenes and results by place, time, collection and identifier."""
    names = None if collections is None else collections.split(",")
    chosen = None if ids is None else ids.split(",")
    body = Search(collections=names, ids=chosen, datetime=datetime, limit=limit, offset=offset)
    return _page(request, services, body, catalogue.parse_box(bbox))


@router.post("/search", summary="Search items", response_class=GeoJSONResponse)
def search_by_body(request: Request, services: Shared, body: Search) -> dict[str, Any]:
    """Find the same, asked for in a body."""
    text = None if body.bbox is None else ",".join(map(str, body.bbox))
    return _page(request, services, body, catalogue.parse_box(text))


def _page(request: Request, services: Services, asked: Search, box: catalogue.Box | None) -> dict[str, Any]:
    since, until = catalogue.parse_interval(asked.datetime)
    wanted = [name for name in COLLECTIONS if asked.collections is None or name in asked.collections]
    # One list over both: each scene, and after all scenes each result, in the order of their scenes.
    query = catalogue.matching(bbox=box, since=since, until=until).where(Scene.west.is_not(None))
    found: list[dict[str, Any]] = []
    total = 0
    with services.database.begin() as session:
        for name in wanted:
            entity: Any
            if name == "scenes":
                entity = query if asked.ids is None else query.where(Scene.id.in_(asked.ids))
            else:
                done = (Job.process == "translate", Job.status == "successful")
                entity = query.join(Job, Job.scene_id == Scene.id).add_columns(Job).where(*done)
                entity = entity if asked.ids is None else entity.where(Job.id.in_(asked.ids))
            count = session.scalar(select(func.count()).select_from(entity.subquery())) or 0
            start, room = max(0, asked.offset - total), asked.limit - len(found)
            total += count
            if room <= 0 or start >= count:
                continue
            order = (Scene.created.desc(), Scene.id) if name == "scenes" else (Job.created.desc(), Job.id)
            for row in session.execute(entity.order_by(*order).offset(start).limit(room)).all():
                one = _scene_item(request, row[0]) if name == "scenes" else _result_item(request, services, *row)
                found.append(one)
    answer: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": found,
        "numberMatched": total,
        "numberReturned": len(found),
        "links": [links.link(links.url(request, "stac"), "root")],
    }
    if asked.offset + len(found) < total and found:
        answer["links"].append(_next(request, asked, box))
    return answer


def _next(request: Request, asked: Search, box: catalogue.Box | None) -> dict[str, Any]:
    offset = asked.offset + asked.limit
    if request.method == "POST":
        body = asked.model_dump(exclude_none=True) | {"offset": offset} | ({} if box is None else {"bbox": list(box)})
        link = links.link(links.url(request, "stac/search"), "next", links.GEOJSON)
        return {**link, "method": "POST", "body": body}
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    query = {**request.query_params, "limit": asked.limit, "offset": offset}
    return {**links.link(links.url(request, path, **query), "next", links.GEOJSON), "method": "GET"}


def _known(name: str) -> str:
    if name not in COLLECTIONS:
        raise NotFoundError(f"there is no collection {name!r}; there are {', '.join(COLLECTIONS)}.")
    return name


def _collection(request: Request, services: Services, name: str) -> dict[str, Any]:
    with services.database.begin() as session:
        bounds = session.execute(
            select(
                func.min(Scene.west), func.min(Scene.south), func.max(Scene.east), func.max(Scene.north),
                func.min(func.coalesce(Scene.acquired, Scene.created)),
                func.max(func.coalesce(Scene.acquired, Scene.created)),
            ),
        ).one()  # fmt: skip
    box = [-180.0, -90.0, 180.0, 90.0] if bounds[0] is None else list(bounds[:4])
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


def _links(request: Request, collection_id: str, item_id: str) -> list[dict[str, Any]]:
    parent = links.url(request, f"stac/collections/{collection_id}")
    return [
        links.link(f"{parent}/items/{item_id}", "self", links.GEOJSON),
        links.link(links.url(request, "stac"), "root"),
        links.link(parent, "parent"),
        links.link(parent, "collection"),
    ]


def _scene_item(request: Request, scene: Scene) -> dict[str, Any]:
    found = scene.description
    signed = signature_of(request, f"scenes/{scene.id}")
    here = f"scenes/{scene.id}"
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [url for url in EXTENSIONS if "projection" in url],
        "id": scene.id,
        "collection": "scenes",
        "geometry": scene.geometry,
        "bbox": [scene.west, scene.south, scene.east, scene.north],
        "properties": {
            "title": scene.name,
            "datetime": catalogue.timestamp(scene.acquired or scene.created),
            "created": catalogue.timestamp(scene.created),
            "proj:shape": [found["height"], found["width"]],
            "proj:transform": found["transform"],
            "proj:code": found["crs"] if str(found["crs"]).startswith("EPSG:") else None,
            "geosar:unit": found["unit"],
            "geosar:polarisations": found["polarisations"],
            "geosar:notes": found["notes"],
            "geosar:synthetic": False,
        },
        "links": [
            *_links(request, "scenes", scene.id),
            links.link(links.url(request, f"{here}/sar/tilejson.json", **signed), "tiles", title="SAR"),
            links.link(links.url(request, f"{here}/live/tilejson.json", **signed), "tiles", title="Synthetic, live"),
        ],
        "assets": {
            "source": {
                "href": links.url(request, f"{here}/download"),
                "title": "The scene as it was sent",
                "roles": ["data"],
            },
            "thumbnail": {
                "href": links.url(request, f"{here}/sar/preview.png", max_size=256, **signed),
                "type": "image/png",
                "roles": ["thumbnail"],
            },
        },
    }


def _result_item(request: Request, services: Services, scene: Scene, job: Job) -> dict[str, Any]:
    """Give the item that the job wrote, with addresses that can be followed from anywhere."""
    files = (job.report or {})["files"]
    made: dict[str, Any] = json.loads((services.store.job(job.id) / files["stac"]).read_text(encoding="utf-8"))
    signed = signature_of(request, f"jobs/{job.id}")
    layer = links.url(
        request, f"scenes/{scene.id}/optical/tilejson.json", job=job.id, **signature_of(request, f"scenes/{scene.id}")
    )
    assets = {
        name: {**asset, "href": links.url(request, f"jobs/{job.id}/results/{name}", **signed)}
        for name, asset in made["assets"].items()
        if name in files
    }
    own = [*_links(request, "results", job.id), links.link(layer, "tiles", title="Synthetic optical image")]
    derived = links.link(links.url(request, f"stac/collections/scenes/items/{scene.id}"), "derived_from", links.GEOJSON)
    return {**made, "id": job.id, "collection": "results", "assets": assets, "links": [*own, derived]}
