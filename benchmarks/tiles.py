"""Tiles of the service beside plain TiTiler on the same COG, and live tiles: ``python benchmarks/tiles.py``.

Needs GEOSAR_DATA (the Los Angeles scene). Both servers run under uvicorn at the same time and are asked for the same
tiles by turns, tile by tile, so that whatever else the machine does hits both alike; nothing is cached by the client.
--report writes the table into a file. Ends with exit code 1 where an aim (AIMS) is missed.
"""

import argparse
import http.client
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import morecantile
import psutil

AIMS = {
    "median latency of optical tiles, of plain TiTiler's": (1.15, "at most"),
    "throughput of optical tiles, of plain TiTiler's": (0.9, "at least"),
    "first live tile of a service that was just started, s": (1.5, "at most"),
    "median of live tiles of which nothing is there yet, s": (0.3, "at most"),
}
AT_ONCE = 4
BUNCH = 40
"""Tiles that are asked of one server, so many at once, before it is the other's turn."""
MERCATOR = morecantile.tms.get("WebMercatorQuad")
PLAIN = """
import uvicorn
from fastapi import FastAPI
from titiler.core.factory import TilerFactory
app = FastAPI()
app.include_router(TilerFactory(router_prefix="/cog").router, prefix="/cog")
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="warning")
"""

Tile = tuple[int, int, int]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def server(command: list[str], probe: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block, from when its probe succeeds."""
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        for _ in range(600):
            try:
                if httpx2.get(probe).is_success:
                    break
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def geosar(port: int, store: str, **settings: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run our service on a store; until the end of the block, from when it is ready."""
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), "--log-level", "warning"]
    return server(command, f"http://127.0.0.1:{port}/readyz", GEOSAR_STORE=store, GEOSAR_READ_RATE="", **settings)


def tiles_of(bounds: list[float], zoom: int) -> list[Tile]:
    """Return the tiles wholly inside the bounds, in random order."""
    inner = [
        (tile.z, tile.x, tile.y)
        for tile in MERCATOR.tiles(*bounds, zoom)
        if (box := MERCATOR.bounds(tile)).left > bounds[0]
        and box.right < bounds[2]
        and box.bottom > bounds[1]
        and box.top < bounds[3]
    ]
    random.Random(1).shuffle(inner)  # noqa: S311 - an order, no secret
    return inner


class Client:
    """A client that costs little, as it runs on the servers' cores."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str) -> float:
        """Fetch a picture; seconds that it took."""
        started = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - started
        assert answer.status in {200, 204}, (answer.status, content)  # 204: too wide for live translation
        return took


Where = tuple[int, str]
"""Port, and path of a tile."""
Layers = dict[str, Where]


def latencies(layers: Layers, tiles: Sequence[Tile]) -> dict[str, list[float]]:
    """Ask for every tile of each kind in turn, each time beginning with another; seconds of each."""
    clients = {name: Client(port) for name, (port, _) in layers.items()}
    took: dict[str, list[float]] = {name: [] for name in layers}
    order = list(layers)
    for tile in tiles:
        order = order[1:] + order[:1]
        for name in order:
            took[name].append(clients[name].get(_path(layers[name], tile)))
    return took


def throughputs(layers: Layers, tiles: Sequence[Tile]) -> dict[str, float]:
    """Ask for bunches of tiles of each kind in turn, several at once; tiles a second."""
    seconds = dict.fromkeys(layers, 0.0)
    order = list(layers)
    for first in range(0, len(tiles), BUNCH):
        bunch = tiles[first : first + BUNCH]
        order = order[1:] + order[:1]
        for name in order:
            started = time.perf_counter()
            parts = [bunch[number::AT_ONCE] for number in range(AT_ONCE)]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda part, where=layers[name]: _ask_all(where, part), parts))
            seconds[name] += time.perf_counter() - started
    return {name: len(tiles) / taken for name, taken in seconds.items()}


def _ask_all(where: Where, tiles: Sequence[Tile]) -> None:
    client = Client(where[0])
    for tile in tiles:
        client.get(_path(where, tile))


def _path(where: Where, tile: Tile) -> str:
    z, x, y = tile
    return where[1].format(z=z, x=x, y=y)


def send(service: str, path: Path) -> dict[str, Any]:
    """Upload a scene, and wait until it is prepared for tiles."""
    sent = httpx2.post(f"{service}/scenes?filename={path.name}", content=path.read_bytes(), timeout=120).json()
    while (scene := httpx2.get(f"{service}/scenes/{sent['id']}").json())["display"]["state"] == "preparing":
        time.sleep(0.2)
    found: dict[str, Any] = scene
    return found


def translated(service: str, scene: str) -> str:
    """Translate a scene; the job's name."""
    order = {"inputs": {"scene": scene}}
    headers = {"prefer": "respond-async"}
    job = httpx2.post(f"{service}/processes/translate/execution", json=order, headers=headers, timeout=60).json()
    while (found := httpx2.get(f"{service}/jobs/{job['jobID']}").json())["status"] in {"accepted", "running"}:
        time.sleep(0.5)
    assert found["status"] == "successful", found
    return str(job["jobID"])


def resident(process: subprocess.Popen[bytes]) -> float:
    """MiB of memory that a process holds now."""
    return float(psutil.Process(process.pid).memory_info().rss / 2**20)


def row(name: str, took: list[float], rate: float | None = None) -> str:
    """Make a row of the table."""
    ordered = sorted(took)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    told = f"{rate:.1f}" if rate else ""
    return f"| {name} | {1000 * statistics.median(took):.1f} | {1000 * p95:.1f} | {told} |"


def apart(tiles: Sequence[Tile]) -> list[Tile]:
    """Choose tiles so far from each other that none shares a block with another."""
    return [(z, x, y) for z, x, y in tiles if x % 3 == 0 and y % 3 == 0]


def measure(folder: str, scene_file: Path, zoom: int, rounds: int, **settings: str) -> tuple[list[str], list[float]]:
    """Measure; the lines of the report, and the figures that AIMS is about."""
    port, other = free_port(), free_port()
    service = f"http://127.0.0.1:{port}"
    with geosar(port, folder, **settings):
        scene = send(service, scene_file)
        job = translated(service, scene["id"])
    tiles = tiles_of(scene["bbox"], zoom)
    cog = next(Path(folder, "jobs", job).glob("*_optical.tif"))
    base = f"/scenes/{scene['id']}"
    live = (port, f"{base}/live/tiles/{{z}}/{{x}}/{{y}}.png")
    layers: Layers = {
        "plain TiTiler": (other, f"/cog/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?tilesize=256&url={cog}"),
        "optical": (port, f"{base}/optical/tiles/{{z}}/{{x}}/{{y}}.png"),
        "sar": (port, f"{base}/sar/tiles/{{z}}/{{x}}/{{y}}.png"),
    }
    with (
        geosar(port, folder, **settings) as process,
        server([sys.executable, "-c", PLAIN.format(port=other)], f"http://127.0.0.1:{other}/docs"),
    ):
        lonely = apart(tiles)
        cold = Client(port).get(_path(live, lonely[0]))
        nothing_there = latencies({"live": live}, lonely[1:])["live"]
        as_one_looks = latencies({"live": live}, tiles)["live"]
        latencies(layers, tiles)  # both have the file in memory from here on
        took: dict[str, list[float]] = {name: [] for name in (*layers, "live, cached")}
        rates: dict[str, list[float]] = {name: [] for name in took}
        for _ in range(rounds):
            for name, times in latencies({**layers, "live, cached": live}, tiles).items():
                took[name] += times
            for name, rate in throughputs({**layers, "live, cached": live}, tiles).items():
                rates[name].append(rate)
        memory = resident(process)
    figures = [
        statistics.median(took["optical"]) / statistics.median(took["plain TiTiler"]),
        statistics.median(rates["optical"]) / statistics.median(rates["plain TiTiler"]),
        cold,
        statistics.median(nothing_there),
    ]
    how = f"{rounds} rounds; latency one at a time, throughput {AT_ONCE} at once"
    lines = [
        f"{scene_file.stem}: {len(tiles)} tiles at zoom {zoom}, {how}; the service held {memory:.0f} MiB at the end.",
        "",
        "| tiles | median ms | 95 % ms | tiles/s |",
        "|---|---|---|---|",
        *(row(name, took[name], statistics.median(rates[name])) for name in took),
        row(f"live, nothing there ({len(nothing_there)} tiles far apart)", nothing_there),
        row("live, all tiles after that, once", as_one_looks),
    ]
    return lines, figures


def verdict(figures: list[float]) -> tuple[list[str], bool]:
    """Set the figures beside AIMS; the lines, and whether all are met."""
    lines, met = ["| aim | wanted | measured |", "|---|---|---|"], True
    for (name, (limit, kind)), figure in zip(AIMS.items(), figures, strict=True):
        met &= figure <= limit if kind == "at most" else figure >= limit
        lines.append(f"| {name} | {kind} {limit:g} | {figure:.2f} |")
    return lines, met


def main() -> int:
    """Measure, print, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="s1-rgb")
    parser.add_argument("--zoom", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="Also write the tables into this file.")
    options = parser.parse_args()
    scene_file = Path(os.environ["GEOSAR_DATA"]) / "scenes" / "los_angeles_s1_vh.tif"
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        lines, figures = measure(folder, scene_file, options.zoom, options.rounds, GEOSAR_MODEL=options.model)
    told, met = verdict(figures)
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load before {load:.1f}"
    text = "\n".join(["# Speed of tiles", "", f"`python benchmarks/tiles.py`, {where}.", "", *told, "", *lines, ""])
    print(text)
    if options.report:
        options.report.write_text(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
