"""Figures for Prometheus: requests by layer and status, latency, jobs, cache, memory."""

import resource
import sys
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse

from tiler.database import Job
from tiler.services import Services, Shared

router = APIRouter(tags=["Service"])
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """What is counted as it happens."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("layer", "status")
        self.requests = Counter("geosar_requests", "Requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "geosar_request_seconds", "Time to the answer's end", ("layer",), buckets=BUCKETS, registry=self.registry
        )

    def count(self, layer: str, status: int, seconds: float) -> None:
        """Enter one request."""
        self.requests.labels(layer, str(status)).inc()
        self.seconds.labels(layer).observe(seconds)


class StateCollector(Collector):
    """What is looked up when somebody asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Give jobs by status, the live cache's figures, disk and memory."""
        services = self._services
        jobs = GaugeMetricFamily("geosar_jobs", "Jobs by process and status", labels=("process", "status"))
        with services.database.begin() as session:
            query = select(Job.process, Job.status, func.count()).group_by(Job.process, Job.status)
            for process, status, count in session.execute(query).all():
                jobs.add_metric((process, status), count)
        yield jobs
        yield GaugeMetricFamily("geosar_job_processes", "Job processes that run", value=services.runner.running)
        cache = services.live.cache
        found = CounterMetricFamily("geosar_live_blocks", "Live blocks looked up", labels=("found",))
        found.add_metric(("hit",), cache.hits)
        found.add_metric(("miss",), cache.misses)
        yield found
        yield GaugeMetricFamily("geosar_live_cache_bytes", "Memory held by live blocks", value=cache.bytes)
        yield GaugeMetricFamily("geosar_disk_free_bytes", "Room left on the store's disk", services.store.free_bytes())
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        yield GaugeMetricFamily("geosar_peak_memory_bytes", "Most memory that this process held", value=peak)


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(services: Shared) -> PlainTextResponse:
    """Give all figures in Prometheus's text format."""
    state = CollectorRegistry()
    state.register(StateCollector(services))
    text = generate_latest(services.metrics.registry) + generate_latest(state)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
