"""Many tiles from one service, and what it holds in memory meanwhile: ``python benchmarks/soak.py --tiles 50000``.

Needs GEOSAR_DATA (the Los Angeles scene). The tiles of zooms 12 to 15 are asked for in random order, so many at once,
of SAR, result, expected error and live translation. The memory after a tenth of them, when caches are full, is compared
with the highest of the last tenth: more than 10 % of growth ends with exit code 1.
"""

import argparse
import asyncio
import itertools
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil
from tiles import free_port, server, tiles_of

LAYERS = ("sar", "optical", "error", "live")
MOST_GROWTH = 1.1


async def ask(address: str, places: list[tuple[str, int, int, int]], at_once: int) -> int:
    """Ask for tiles; gives how many came as pictures, and fails when one is an error of the service."""
    waiting = iter(places)
    came = 0

    async def worker(client: httpx2.AsyncClient) -> None:
        nonlocal came
        for layer, z, x, y in waiting:
            answer = await client.get(f"{address}/{layer}/tiles/{z}/{x}/{y}.png")
            assert answer.status_code in {200, 204, 404, 503}, answer.text
            came += answer.status_code == 200

    async with httpx2.AsyncClient(timeout=120) as client:
        await asyncio.gather(*(worker(client) for _ in range(at_once)))
    return came


def translated(service: str, scene: str) -> None:
    """Wait for a job over the scene."""
    order = {"inputs": {"scene": scene}}
    headers = {"prefer": "respond-async"}
    job = httpx2.post(f"{service}/processes/translate/execution", json=order, headers=headers, timeout=60).json()
    while (found := httpx2.get(f"{service}/jobs/{job['jobID']}").json())["status"] in {"accepted", "running"}:
        time.sleep(0.5)
    assert found["status"] == "successful", found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=50_000)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    scene_file = Path(os.environ["GEOSAR_DATA"]) / "scenes" / "los_angeles_s1_vh.tif"
    port = free_port()
    service = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), "--log-level", "warning"]
    with (
        tempfile.TemporaryDirectory() as folder,
        server(command, f"{service}/healthz", GEOSAR_STORE=folder, GEOSAR_READ_RATE="") as process,
    ):
        sent = httpx2.post(
            f"{service}/scenes?filename={scene_file.name}", content=scene_file.read_bytes(), timeout=120
        ).json()
        translated(service, sent["id"])
        places = [(layer, *tile) for zoom in range(12, 16) for tile in tiles_of(sent["bbox"], zoom) for layer in LAYERS]
        random.Random(1).shuffle(places)  # noqa: S311 - an order, no secret
        rest = itertools.cycle(places)
        step = options.tiles // 20
        held: list[float] = []
        started = time.monotonic()
        print(f"{len(places)} different tiles of {len(LAYERS)} layers\n")
        print("| tiles | pictures | MiB | tiles/s |\n|---|---|---|---|")
        for number in range(1, 21):
            came = asyncio.run(
                ask(f"{service}/scenes/{sent['id']}", list(itertools.islice(rest, step)), options.at_once)
            )
            held.append(psutil.Process(process.pid).memory_info().rss / 2**20)
            rate = number * step / (time.monotonic() - started)
            print(f"| {number * step} | {came} | {held[-1]:.0f} | {rate:.1f} |", flush=True)
    growth = max(held[-2:]) / held[1]
    print(f"\ngrowth from the first tenth to the last: {100 * (growth - 1):+.1f} %")
    return int(growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
