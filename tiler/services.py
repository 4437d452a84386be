"""What the routes share: settings, store, catalogue, inspector, jobs and live blocks, made once for an app."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

from tiler.settings import Settings
from tiler.state.database import Database
from tiler.state.inspector import Inspector
from tiler.state.store import Store

if TYPE_CHECKING:
    from tiler.jobs.runner import JobRunner
    from tiler.metrics import Metrics
    from tiler.tiles.direct import DirectScenes
    from tiler.tiles.live import LiveScenes


@dataclass
class Services:
    """The parts of one running service."""

    settings: Settings
    store: Store
    database: Database
    inspector: Inspector
    runner: "JobRunner"
    live: "LiveScenes"
    direct: "DirectScenes"
    metrics: "Metrics"
    waiting: asyncio.Semaphore
    """Requests that wait for the end of a job."""


def of(request: Request) -> Services:
    """Give the services of the app that a request came to."""
    services: Services = request.app.state.services
    return services


Shared = Annotated[Services, Depends(of)]
