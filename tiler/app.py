"""The application: `create_app` puts the parts together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

import geosar
from tiler import events, pages, problems, processes, scenes, tiles
from tiler.database import Database
from tiler.headers import HeadersMiddleware
from tiler.inspection import Inspector
from tiler.live import LiveScenes
from tiler.proxy import ProxyMiddleware
from tiler.runner import JobRunner
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
        services.runner.start()
        services.inspector.warm()
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
    for router in (pages.router, scenes.router, processes.router, events.router):
        app.include_router(router)
    tiles.include(app)
    _serve_map(app)
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
        LiveScenes(settings, store),
    )  # fmt: skip


def _serve_map(app: FastAPI) -> None:
    """Serve the web map at /, where it is installed; programs get the landing page as JSON in any case."""
    spec = find_spec("webmap")
    static = Path(spec.origin).parent / "static" if spec is not None and spec.origin else None
    index = static / "index.html" if static is not None else None

    @app.get("/", include_in_schema=True, tags=["Service"], summary="The map, or for programs the landing page")
    def root(request: Request, f: str | None = None) -> Response:
        as_page = f == "html" or (f is None and "text/html" in request.headers.get("accept", ""))
        if index is not None and index.is_file() and as_page:
            return FileResponse(index, headers={"Cache-Control": "no-cache"})
        body: dict[str, Any] = pages.landing(request)
        return JSONResponse(body)

    if static is not None and static.is_dir():
        app.mount("/", StaticFiles(directory=static), name="map")
