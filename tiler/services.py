"""What the routes share: settings, store, catalogue, inspector, jobs and live blocks, made once for an app."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

from tiler.database import Database
from tiler.inspection import Inspector
from tiler.settings import Settings
from tiler.store import Store

if TYPE_CHECKING:
    from tiler.direct import DirectScenes
    from tiler.live import LiveScenes
    from tiler.metrics import Metrics
    from tiler.runner import JobRunner


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
