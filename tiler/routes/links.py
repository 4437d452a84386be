"""URLs of the service's own resources, as the client sees them through whatever proxy."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

GEOJSON = "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def url(request: Request, path: str, **query: Any) -> str:
    """Make an absolute URL of a path below the service's root."""
    base = str(request.base_url).rstrip("/")
    parameters = {key: value for key, value in query.items() if value is not None}
    return f"{base}/{path.lstrip('/')}" + (f"?{urlencode(parameters)}" if parameters else "")


def link(href: str, rel: str, media_type: str = "application/json", title: str | None = None) -> dict[str, Any]:
    """Make a link object."""
    return {"href": href, "rel": rel, "type": media_type} | ({} if title is None else {"title": title})


def paging(request: Request, *, limit: int, offset: int, total: int) -> list[dict[str, Any]]:
    """Links to this page, the next and the one before."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    others = {key: value for key, value in request.query_params.items() if key not in {"limit", "offset"}}

    def page(start: int) -> str:
        return url(request, path, **others, limit=limit, offset=start)

    links = [link(page(offset), "self")]
    if offset + limit < total:
        links.append(link(page(offset + limit), "next"))
    if offset > 0:
        links.append(link(page(max(0, offset - limit)), "prev"))
    return links
