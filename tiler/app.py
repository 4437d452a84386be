"""The application: `create_app` puts the parts together."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

import geosar
from tiler import events, metrics, pages, problems, processes, scenes, stac, tiles
from tiler.database import Database
from tiler.headers import HeadersMiddleware
from tiler.inspection import Inspector
from tiler.live import LiveScenes
from tiler.metrics import Metrics
from tiler.proxy import ProxyMiddleware
from tiler.runner import JobRunner
from tiler.security import KeysMiddleware, Signer
from tiler.services import Services
from tiler.settings import Settings
from tiler.store import Store


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; settings come from the environment unless they are given."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = _open(settings)
        app.state.services = services
        app.state.signer = Signer(settings, services.store.root) if settings.api_keys else None
        services.runner.start()
        services.inspector.warm()
        threading.Thread(target=services.live.warm, name="tiler-warm", daemon=True).start()
        try:
            yield
        finally:
            services.runner.stop()
            services.inspector.close()
            services.live.close()
            services.database.close()

    app = FastAPI(
        title="geosar",
        version=geosar.__version__,
        description="Synthetic optical images from SAR: scenes, translation jobs and map tiles. Not observations.",
        root_path=settings.root_path,
        lifespan=lifespan,
    )
    problems.install(app)
    for module in (pages, scenes, processes, events, stac, metrics):
        app.include_router(module.router)
    tiles.include(app)
    is_static = _serve_map(app)
    if settings.api_keys:
        app.add_middleware(KeysMiddleware, settings=settings, is_static=is_static, owner=app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(settings.cors_origins), allow_methods=["*"], allow_headers=["*"],
            expose_headers=["ETag", "Location", "Content-Bbox", "Content-Crs"], max_age=3600,
        )  # fmt: skip
    app.add_middleware(HeadersMiddleware)
    if settings.trust_forwarded:
        app.add_middleware(ProxyMiddleware)
    return app


def _open(settings: Settings) -> Services:
    store = Store(settings.store)
    database = Database(settings.database)
    return Services(
        settings, store, database, Inspector(settings.inspection_seconds), JobRunner(settings, store, database),
        LiveScenes(settings, store), Metrics(),
    )  # fmt: skip


def _serve_map(app: FastAPI) -> Callable[[str], bool]:
    """Serve the web map at /, where it is installed; programs get the landing page as JSON in any case.

    Gives a function that says whether a path is one of the map's files, which hold no data.
    """
    spec = find_spec("webmap")
    static = Path(spec.origin).parent / "static" if spec is not None and spec.origin else None
    names = _files_below(static) if static is not None and static.is_dir() else frozenset()
    index = static / "index.html" if static is not None and "/index.html" in names else None

    @app.get("/", tags=["Service"], summary="The map, or for programs the landing page")
    def root(request: Request, f: str | None = None) -> Response:
        as_page = f == "html" or (f is None and "text/html" in request.headers.get("accept", ""))
        if index is not None and as_page:
            return FileResponse(index, headers={"Cache-Control": "no-cache"})
        body: dict[str, Any] = pages.landing(request)
        return JSONResponse(body)

    if static is not None and names:
        app.mount("/", StaticFiles(directory=static), name="map")
    return lambda path: path == "/" or path in names


def _files_below(folder: Path) -> frozenset[str]:
    return frozenset(f"/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file())
