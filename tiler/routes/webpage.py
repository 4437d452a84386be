"""The web map's own files at /, what the page must know before it asks anything, and what it may load."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from starlette.responses import JSONResponse, Response

import geosar
from geosar_tiler.basemaps import basemap, basemaps, origin_of
from geosar_tiler.geocoder import Geocoder
from geosar_tiler.routes import landing
from geosar_tiler.routes.page_files import PageFiles, page_file
from geosar_tiler.settings import Settings

LEAFLET = frozenset({"leaflet.js", "leaflet.css"})
SETTINGS = "/page-settings"
PLACES = "/places"


def policy(*below: dict[str, Any] | None) -> str:
    """Write the page's Content-Security-Policy: nothing inline, nothing from elsewhere but the base maps' tiles."""
    images = ["'self'", "blob:", "data:", *dict.fromkeys(origin_of(one) for one in below if one is not None)]
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
    offered = basemaps(settings)
    allowed = policy(*offered)
    geocoder = Geocoder(settings.geocoder)

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
            "basemap": basemap(settings),
            "basemaps": offered,
            "geocoder": settings.geocoder is not None,
            "cors": bool(settings.cors_origins),
        }

    @app.get(PLACES, tags=["Service"], summary="Find places by their name, where the operator gives a geocoder")
    def places(q: Annotated[str, Query(min_length=1, max_length=200)]) -> dict[str, Any]:
        return {"places": geocoder.places(q)}

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
