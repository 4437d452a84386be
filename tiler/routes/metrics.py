"""The route /metrics: figures for Prometheus, summed over all processes."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse

from geosar_tiler.services import Services, Shared
from geosar_tiler.state.database import Job
from geosar_tiler.state.states import JobStatus

router = APIRouter(tags=["Service"])
SAMPLE_SECONDS = 5.0
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Set by `geosar serve --workers N`: the folder where each process counts, so that any of them can tell the sum."""


def _sample(services: Services) -> None:
    services.metrics.sample(services.live.blocks, services.runner.running)


async def sampling(services: Services) -> None:
    """Enter how the process stands, again and again, for whichever process is asked."""
    while True:
        _sample(services)
        await asyncio.sleep(SAMPLE_SECONDS)


class StateCollector(Collector):
    """What is looked up when somebody asks, and is the same for all processes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Return jobs by status, the time that finished ones took, and the disk."""
        services = self._services
        jobs = GaugeMetricFamily("geosar_jobs", "Jobs by process and status", labels=("process", "status"))
        seconds = SummaryMetricFamily("geosar_job_seconds", "Time from a job's begin to its end", labels=("process",))
        with services.database.begin() as session:
            query = select(Job.process, Job.status, func.count()).group_by(Job.process, Job.status)
            for process, status, count in session.execute(query).all():
                jobs.add_metric((process, status), count)
            took = (
                select(Job.process, func.count(), func.sum(Job.finished - Job.started))
                .where(Job.status == JobStatus.SUCCESSFUL, Job.started.is_not(None))
                .group_by(Job.process)
            )
            for process, count, total in session.execute(took).all():
                seconds.add_metric((process,), count, total or 0.0)
        yield jobs
        yield seconds
        yield GaugeMetricFamily("geosar_disk_free_bytes", "Free space on the store's disk", services.store.free_bytes())


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(services: Shared) -> PlainTextResponse:
    """Return all figures in Prometheus's text format."""
    _sample(services)
    state = CollectorRegistry()
    state.register(StateCollector(services))
    counted = services.metrics.registry
    if folder := os.environ.get(SHARED):
        _forget_the_dead(Path(folder))
        counted = CollectorRegistry()
        MultiProcessCollector(counted)
    text = generate_latest(counted) + generate_latest(state)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _forget_the_dead(folder: Path) -> None:
    """Leave out what processes held that have ended; what they counted stays."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another process was faster
                mark_process_dead(int(pid))
