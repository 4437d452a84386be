"""Memory of the service while it takes a file of 2 GB: ``python benchmarks/uploads.py [--megabytes 2048]``.

Writes a SAR raster of that size, sends it to a service of its own by every way that there is (body, form, tus in
pieces of 64 MiB, by URL), and prints the service's memory before and its peak after each. The files are removed.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import rasterio

PIECE = 64 * 2**20
READ = 2**20
WIDTH = 16384
TUS = {"tus-resumable": "1.0.0"}
MEBIBYTE = 2**20


def write_raster(path: Path, megabytes: int, seed: int) -> None:
    """Write a tiled raster of float32 noise in power, strip by strip, uncompressed so that its size is known."""
    height = megabytes * MEBIBYTE // (4 * WIDTH) // 512 * 512
    rows = np.random.default_rng(seed).gamma(4, 0.02, (512, WIDTH)).astype(np.float32)
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "width": WIDTH, "height": height, "crs": "EPSG:32643",
        "transform": rasterio.Affine(10, 0, 600000, 0, -10, 1200000), "tiled": True, "blockxsize": 512,
        "blockysize": 512, "bigtiff": "yes",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        for row in range(0, height, 512):
            dataset.write(rows, 1, window=rasterio.windows.Window(0, row, WIDTH, 512))


def memory(pid: int, field: str) -> float:
    """Memory of a process in MiB; VmRSS is what it holds, VmHWM the most since it was last reset."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1024


def pieces(path: Path) -> Iterator[bytes]:
    """Read a file bit by bit."""
    with path.open("rb") as file:
        while data := file.read(READ):
            yield data


def by_body(client: httpx2.Client, path: Path) -> str:
    """Send it as the body."""
    return scene(client.post("/scenes", params={"filename": path.name}, content=pieces(path)))


def by_form(client: httpx2.Client, path: Path) -> str:
    """Send it in a form."""
    with path.open("rb") as file:
        return scene(client.post("/scenes", files={"file": (path.name, file)}))


def by_tus(client: httpx2.Client, path: Path) -> str:
    """Send it in pieces."""
    size = path.stat().st_size
    made = client.post("/uploads", headers={**TUS, "upload-length": str(size)})
    where = made.raise_for_status().headers["location"]
    with path.open("rb") as file:
        for offset in range(0, size, PIECE):
            headers = {**TUS, "upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
            client.patch(where, content=file.read(PIECE), headers=headers).raise_for_status()
    return wait(client, where)


def by_url(client: httpx2.Client, path: Path) -> str:
    """Let the service fetch it."""
    answer = client.post("/scenes", json={"href": str(path)})
    return wait(client, answer.headers["location"]) if answer.status_code == 202 else scene(answer)


def scene(answer: httpx2.Response) -> str:
    """Return the scene's identifier."""
    if answer.status_code not in {200, 201}:
        raise SystemExit(answer.text)
    return str(answer.json()["id"])


def wait(client: httpx2.Client, where: str) -> str:
    """Wait until a scene was made of an upload."""
    while True:
        found = client.get(where).json()
        if found["status"] in {"done", "failed"}:
            if found["scene"] is None:
                raise SystemExit(str(found["problem"]))
            return str(found["scene"])
        time.sleep(0.2)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def measure(folder: Path, megabytes: int) -> None:
    """Start a service, send, and print."""
    port = free_port()
    environment = {**os.environ, "GEOSAR_STORE": str(folder / "store"), "GEOSAR_ALLOWED_HREFS": str(folder)}
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    ways: dict[str, Callable[[httpx2.Client, Path], str]] = {
        "POST /scenes, body": by_body, "POST /scenes, form": by_form, "tus, pieces of 64 MiB": by_tus,
        "POST /scenes, href": by_url,
    }  # fmt: skip
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
            ready(client)
            print("| way | MB | s | MiB before | MiB at most | more |\n|---|---|---|---|---|---|")
            for number, (name, send) in enumerate(ways.items()):
                path = folder / f"scene_{number}_VV_power.tif"
                write_raster(path, megabytes, number)
                before = memory(process.pid, "VmRSS")
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
                started = time.perf_counter()
                identifier = send(client, path)
                seconds, peak = time.perf_counter() - started, memory(process.pid, "VmHWM")
                size = path.stat().st_size / 1e6
                print(f"| {name} | {size:.0f} | {seconds:.1f} | {before:.0f} | {peak:.0f} | {peak - before:.0f} |")
                client.delete(f"/scenes/{identifier}").raise_for_status()
                path.unlink()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def ready(client: httpx2.Client) -> None:
    """Wait for the service, and until its model is warm."""
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                break
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    time.sleep(3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2048)
    with tempfile.TemporaryDirectory() as made:
        measure(Path(made), parser.parse_args().megabytes)
