"""What one process counts: requests by layer and status, latency, job processes, cache, memory."""

import resource
import sys
from collections import Counter as Counts
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from geosar_tiler.tiles.open_scenes.block_cache import Blocks

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)


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
        self._counted = Counts[str]()

    def _gauge(self, name: str, text: str, mode: Literal["livesum", "livemax", "liveall"]) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode=mode)

    def count(self, layer: str, status: int, seconds: float) -> None:
        """Enter one request."""
        self.requests.labels(layer, str(status)).inc()
        self.seconds.labels(layer).observe(seconds)

    def sample(self, blocks: Blocks, running: int) -> None:
        """Enter how the process stands now: its live blocks, and how many job processes run."""
        for place, number in blocks.found.copy().items():
            self.blocks.labels(place).inc(number - self._counted[place])
            self._counted[place] = number
        self.cache.set(blocks.memory.bytes)
        self.files.set(0 if blocks.files is None else blocks.files.bytes)
        self.jobs.set(running)
        self.memory.set(_resident_bytes())


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except OSError:  # not Linux: the most that it ever was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
