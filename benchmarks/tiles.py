"""Tiles of the service beside plain TiTiler on the same COG, and live tiles: ``python benchmarks/tiles.py``.

Needs GEOSAR_DATA (the Los Angeles scene). Starts both servers with uvicorn, asks them by turns for the same tiles,
and prints a table; nothing is cached by the client. --model names a packaged model for the live tiles.
"""

import argparse
import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import morecantile

MERCATOR = morecantile.tms.get("WebMercatorQuad")
PLAIN = """
import uvicorn
from fastapi import FastAPI
from titiler.core.factory import TilerFactory
app = FastAPI()
app.include_router(TilerFactory(router_prefix="/cog").router, prefix="/cog")
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="warning")
"""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def server(command: list[str], probe: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block, ready from the start."""
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        for _ in range(600):
            try:
                httpx2.get(probe)
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def tiles_of(bounds: list[float], zoom: int) -> list[tuple[int, int, int]]:
    """Give the tiles wholly inside the bounds, in random order."""
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


async def ask(address: str, tiles: list[tuple[int, int, int]], at_once: int) -> tuple[list[float], float]:
    """Fetch every tile, so many at once: seconds of each, and tiles a second."""
    took: list[float] = []
    waiting = iter(tiles)

    async def worker(client: httpx2.AsyncClient) -> None:
        for z, x, y in waiting:
            started = time.perf_counter()
            answer = await client.get(address.format(z=z, x=x, y=y))
            assert answer.status_code == 200, answer.text
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with httpx2.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(worker(client) for _ in range(at_once)))
    return took, len(tiles) / (time.perf_counter() - started)


def resident(process: subprocess.Popen[bytes]) -> float:
    """MiB of memory that a process holds now."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def row(name: str, took: list[float], throughput: float) -> None:
    """Print a row of the table."""
    ordered = sorted(took)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    print(f"| {name} | {1000 * statistics.median(took):.0f} | {1000 * p95:.0f} | {throughput:.1f} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="s1-rgb")
    parser.add_argument("--zoom", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scene_file = Path(os.environ["GEOSAR_DATA"]) / "scenes" / "los_angeles_s1_vh.tif"
    port, other = free_port(), free_port()
    service, plain = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), "--log-level", "warning"]
        settings = {"GEOSAR_STORE": folder, "GEOSAR_MODEL": options.model, "GEOSAR_READ_RATE": ""}
        with (
            server(command, f"{service}/healthz", **settings) as process,
            server([sys.executable, "-c", PLAIN.format(port=other)], f"{plain}/docs"),
        ):
            sent = httpx2.post(
                f"{service}/scenes?filename={scene_file.name}", content=scene_file.read_bytes(), timeout=60
            )
            scene = sent.json()
            tiles = tiles_of(scene["bbox"], options.zoom)
            base = f"{service}/scenes/{scene['id']}"
            started = time.perf_counter()
            z, x, y = tiles[0]
            httpx2.get(f"{base}/live/tiles/{z}/{x}/{y}.png", timeout=60).raise_for_status()
            cold = time.perf_counter() - started
            order = {"inputs": {"scene": scene["id"]}}
            job = httpx2.post(
                f"{service}/processes/translate/execution", json=order, headers={"prefer": "respond-async"}, timeout=60
            ).json()["jobID"]
            while (found := httpx2.get(f"{service}/jobs/{job}").json())["status"] in {"accepted", "running"}:
                time.sleep(0.2)
            assert found["status"] == "successful", found
            cog = next(Path(folder, "jobs", job).glob("*_optical.tif"))
            addresses = {
                "plain TiTiler": f"{plain}/cog/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?tilesize=256&url={cog}",
                "optical": f"{base}/optical/tiles/{{z}}/{{x}}/{{y}}.png",
                "sar": f"{base}/sar/tiles/{{z}}/{{x}}/{{y}}.png",
            }
            print(
                f"{len(tiles)} tiles at zoom {options.zoom}; first live tile after the upload: {1000 * cold:.0f} ms\n"
            )
            print("| tiles | median ms | 95 % ms | tiles/s |\n|---|---|---|---|")
            for at_once in (1, 4):
                took: dict[str, list[float]] = {name: [] for name in addresses}
                rates: dict[str, list[float]] = {name: [] for name in addresses}
                for _ in range(options.rounds):
                    for name, address in addresses.items():
                        times, rate = asyncio.run(ask(address, tiles, at_once))
                        took[name] += times
                        rates[name].append(rate)
                for name in addresses:
                    row(f"{name}, {at_once} at once", took[name], statistics.median(rates[name]))
            for name in ("live, fresh", "live, cached"):
                times, rate = asyncio.run(ask(f"{base}/live/tiles/{{z}}/{{x}}/{{y}}.png", tiles, 1))
                row(f"{name}, 1 at once", times, rate)
            print(f"\nmemory of the service: {resident(process):.0f} MiB")


if __name__ == "__main__":
    main()
