"""The web map's own files at /, what the page must know before it asks anything, and what it may load."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import xyzservices.providers
from fastapi import FastAPI, Header, Request
from starlette.responses import JSONResponse, Response

import geosar
from geosar_tiler.routes import landing
from geosar_tiler.routes.page_files import PageFiles, page_file
from geosar_tiler.settings import Settings

LEAFLET = frozenset({"leaflet.js", "leaflet.css"})
SETTINGS = "/page-settings"
MAXIMUM_ZOOM = 19


def basemap(settings: Settings) -> dict[str, Any] | None:
    """Return the XYZ base map that the settings name, None without one; raises ValueError for an unknown name."""
    if settings.basemap is None:
        return None
    if "{z}" in settings.basemap:
        found = {"url": settings.basemap, "attribution": "", "max_zoom": MAXIMUM_ZOOM, "subdomains": "abc"}
    else:
        try:
            provider = xyzservices.providers.query_name(settings.basemap)
        except ValueError:
            raise ValueError(
                f"there is no base map {settings.basemap!r}; expected a name that xyzservices knows, such as "
                "OpenStreetMap.Mapnik, or an address with {z}, {x} and {y}.",
            ) from None
        found = {
            # Leaflet fills in the tile's place and the subdomain, the provider everything else.
            "url": provider.build_url(x="{x}", y="{y}", z="{z}", fill_subdomain=False, scale_factor="{r}"),
            "attribution": provider.get("html_attribution", provider.attribution),
            "max_zoom": provider.get("max_zoom", MAXIMUM_ZOOM),
            "subdomains": provider.get("subdomains", "abc"),
        }
    return {**found, "attribution": settings.basemap_attribution or found["attribution"]}


def policy(map_below: dict[str, Any] | None) -> str:
    """Write the page's Content-Security-Policy: nothing inline, nothing from elsewhere but the base map's tiles."""
    images = ["'self'", "blob:", "data:"]
    if map_below is not None:
        place = urlsplit(map_below["url"])
        host = place.netloc.replace("{s}.", "*.")
        images.append(f"{place.scheme}://{host}")
    allowed = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": " ".join(images),
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def serve(app: FastAPI, settings: Settings) -> Callable[[str], bool]:
    """Serve the web map at /, where it is installed; programs get the landing page as JSON in any case.

    Gives a function that says whether a path is one of the map's files, which hold no data.
    """
    static = _folder("geosar_webmap", "page")
    leaflet = _folder("xstatic.pkg.leaflet", "data")
    names = _files_below(static) if static is not None else frozenset()
    index = static / "index.html" if static is not None and "/index.html" in names else None
    below = basemap(settings)
    allowed = policy(below)

    @app.get("/", tags=["Service"], summary="The map, or for programs the landing page")
    def root(request: Request, accept: Annotated[str, Header()] = "", f: str | None = None) -> Response:
        as_page = f == "html" or (f is None and "text/html" in accept)
        if index is not None and as_page:
            page = page_file(index, request.headers)
            page.headers["Content-Security-Policy"] = allowed
            return page
        body: dict[str, Any] = landing.landing(request)
        return JSONResponse(body)

    @app.get(SETTINGS, tags=["Service"], summary="What the web map must know before it asks anything")
    def page_settings() -> dict[str, Any]:
        return {
            "version": geosar.__version__,
            "model": settings.model_name,
            "max_upload_bytes": settings.max_upload_bytes,
            "needs_key": bool(settings.api_keys),
            "basemap": below,
        }

    if leaflet is not None:
        app.mount("/leaflet", PageFiles(leaflet, own=False), name="leaflet")
    if static is not None and names:
        app.mount("/", PageFiles(static, own=True), name="map")
    known = names | {f"/leaflet/{name}" for name in LEAFLET}
    return lambda path: path in {"/", SETTINGS} or path in known


def _folder(package: str, name: str) -> Path | None:
    """Return a folder of an installed package, without importing the package itself."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None
    folder = Path(spec.origin).parent / name if spec is not None and spec.origin else None
    return folder if folder is not None and folder.is_dir() else None


def _files_below(folder: Path) -> frozenset[str]:
    return frozenset(f"/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file())
