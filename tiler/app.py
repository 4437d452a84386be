"""The application: `create_app` puts the parts together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

import geosar
from geosar_tiler import crs, problems, words
from geosar_tiler.middleware.auth import KeysMiddleware
from geosar_tiler.middleware.body_limit import BodiesMiddleware
from geosar_tiler.middleware.head import HeadMiddleware
from geosar_tiler.middleware.origins import OriginsMiddleware
from geosar_tiler.middleware.proxy import ProxyMiddleware
from geosar_tiler.middleware.rate_limit import RatesMiddleware
from geosar_tiler.middleware.response_headers import HeadersMiddleware
from geosar_tiler.middleware.timeouts import TimeoutsMiddleware
from geosar_tiler.routes import (
    api_page,
    coordinates,
    events,
    health,
    landing,
    metrics,
    processes,
    references,
    scenes,
    stac,
    uploads_tus,
    webpage,
)
from geosar_tiler.services import Services
from geosar_tiler.settings import Settings
from geosar_tiler.tiles import factory

UNCOMPRESSED = ("application/octet-stream", "image/*")
"""Beside what Starlette leaves out; rasters are compressed already, and their ranges count bytes as they lie."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; settings come from the environment unless they are given."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services.of(settings)
        app.state.services = services
        services.start()
        sampling = asyncio.create_task(metrics.sampling(services))
        try:
            yield
        finally:
            sampling.cancel()
            services.stop()

    app = FastAPI(
        title="geosar",
        version=geosar.__version__,
        description="Synthetic optical images from SAR: scenes, translation jobs and map tiles. Not observations.",
        root_path=settings.root_path,
        lifespan=lifespan,
        dependencies=[Depends(words.check_request), Depends(crs.check_query)],
        docs_url=None,  # FastAPI's own fetch their scripts from elsewhere
        redoc_url=None,
    )
    problems.install(app)
    for module in (landing, health, scenes, coordinates, references, uploads_tus, processes, events, stac, metrics):
        app.include_router(module.router)
    factory.include(app)
    api_page.serve(app)
    is_static = webpage.serve(app, settings)
    # The last that is added sees a request first.
    app.add_middleware(HeadMiddleware)
    app.add_middleware(BodiesMiddleware)
    app.add_middleware(TimeoutsMiddleware, settings=settings, owner=app)
    if settings.api_keys:
        app.add_middleware(KeysMiddleware, settings=settings, is_static=is_static, owner=app)
    else:
        app.add_middleware(OriginsMiddleware, settings=settings, owner=app)
    if settings.read_rate or settings.write_rate:
        app.add_middleware(RatesMiddleware, settings=settings, owner=app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(settings.cors_origins), allow_methods=["*"], allow_headers=["*"],
            expose_headers=["ETag", "Location", "Content-Bbox", "Content-Crs", *uploads_tus.HEADERS], max_age=3600,
        )  # fmt: skip
    app.add_middleware(
        GZipMiddleware,
        minimum_size=1000,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *UNCOMPRESSED),
    )
    app.add_middleware(HeadersMiddleware)
    if settings.trust_forwarded:
        app.add_middleware(ProxyMiddleware)
    return app
