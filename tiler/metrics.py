"""Figures for Prometheus: requests by layer and status, latency, jobs, cache, memory; summed over all processes."""

import asyncio
import os
import resource
import sys
from collections import Counter as Counts
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse

from tiler.services import Services, Shared
from tiler.state.database import Job

router = APIRouter(tags=["Service"])
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
SAMPLE_SECONDS = 5.0
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Set by `geosar serve --workers N`: the folder where each process counts, so that any of them can tell the sum."""


class Metrics:
    """What one process counts as it happens."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("layer", "status")
        self.requests = Counter("geosar_requests", "Requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "geosar_request_seconds", "Time to the answer's end", ("layer",), buckets=BUCKETS, registry=self.registry
        )
        self.blocks = Counter("geosar_live_blocks", "Live blocks looked up", ("found",), registry=self.registry)
        self.cache = self._gauge("geosar_live_cache_bytes", "Memory held by live blocks", "livesum")
        self.files = self._gauge("geosar_live_disk_bytes", "Disk held by live blocks, as last seen", "livemax")
        self.jobs = self._gauge("geosar_job_processes", "Job processes that run", "livesum")
        self.memory = self._gauge("geosar_memory_bytes", "Memory that the process holds", "liveall")
        self._told = Counts[str]()

    def _gauge(self, name: str, text: str, mode: Literal["livesum", "livemax", "liveall"]) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode=mode)

    def count(self, layer: str, status: int, seconds: float) -> None:
        """Enter one request."""
        self.requests.labels(layer, str(status)).inc()
        self.seconds.labels(layer).observe(seconds)

    def sample(self, services: Services) -> None:
        """Enter how the process stands now."""
        blocks = services.live.blocks
        for found, number in blocks.found.copy().items():
            self.blocks.labels(found).inc(number - self._told[found])
            self._told[found] = number
        self.cache.set(blocks.memory.bytes)
        self.files.set(0 if blocks.files is None else blocks.files.bytes)
        self.jobs.set(services.runner.running)
        self.memory.set(_resident_bytes())


async def sampling(services: Services) -> None:
    """Enter how the process stands, again and again, for whichever process is asked."""
    while True:
        services.metrics.sample(services)
        await asyncio.sleep(SAMPLE_SECONDS)


class StateCollector(Collector):
    """What is looked up when somebody asks, and is the same for all processes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Give jobs by status, the time that finished ones took, and the disk."""
        services = self._services
        jobs = GaugeMetricFamily("geosar_jobs", "Jobs by process and status", labels=("process", "status"))
        seconds = SummaryMetricFamily("geosar_job_seconds", "Time from a job's begin to its end", labels=("process",))
        with services.database.begin() as session:
            query = select(Job.process, Job.status, func.count()).group_by(Job.process, Job.status)
            for process, status, count in session.execute(query).all():
                jobs.add_metric((process, status), count)
            took = (
                select(Job.process, func.count(), func.sum(Job.finished - Job.started))
                .where(Job.status == "successful", Job.started.is_not(None))
                .group_by(Job.process)
            )
            for process, count, total in session.execute(took).all():
                seconds.add_metric((process,), count, total or 0.0)
        yield jobs
        yield seconds
        yield GaugeMetricFamily("geosar_disk_free_bytes", "Room left on the store's disk", services.store.free_bytes())


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(services: Shared) -> PlainTextResponse:
    """Give all figures in Prometheus's text format."""
    services.metrics.sample(services)
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


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except OSError:  # not Linux: the most that it ever was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
