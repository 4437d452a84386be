"""Many tiles from one service, and what it holds in memory meanwhile: ``python benchmarks/soak.py``.

Needs GEOSAR_DATA (the Los Angeles scene). The tiles of zooms 12 to 15 are asked for in random order, several at once,
of SAR, result, expected error and live translation. The memory after a tenth of them, when caches are full, is compared
with the highest of the last tenth: more than 10 % of growth ends with exit code 1. --report writes the curve to a file.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tiles import Client, free_port, geosar, resident, send, tiles_of, translated

LAYERS = ("sar", "optical", "error", "live")
MOST_GROWTH = 1.1
STEPS = 20


def ask(clients: Sequence[Client], paths: list[str]) -> None:
    """Ask for tiles, each client one at a time; fails when one does not come."""

    def all_of(client: Client, mine: list[str]) -> None:
        for path in mine:
            client.get(path)

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(all_of, clients, [paths[first :: len(clients)] for first in range(len(clients))]))


def soak(scene_file: Path, tiles: int, at_once: int) -> Iterator[tuple[int, float, float]]:
    """Ask and measure: tiles asked for so far, MiB that the service holds, tiles a second."""
    port = free_port()
    service = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, geosar(port, folder) as process:
        scene = send(service, scene_file)
        translated(service, scene["id"])
        places = [
            f"/scenes/{scene['id']}/{layer}/tiles/{z}/{x}/{y}.png"
            for zoom in range(12, 16)
            for z, x, y in tiles_of(scene["bbox"], zoom)
            for layer in LAYERS
        ]
        random.Random(1).shuffle(places)  # noqa: S311 - an order, no secret
        rest = itertools.cycle(places)
        clients = [Client(port) for _ in range(at_once)]
        for number in range(1, STEPS + 1):
            started = time.monotonic()
            ask(clients, list(itertools.islice(rest, tiles // STEPS)))
            yield number * (tiles // STEPS), resident(process), tiles / STEPS / (time.monotonic() - started)


def main() -> int:
    """Measure, print, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=50_000)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--report", type=Path, help="Also write the curve into this file.")
    options = parser.parse_args()
    scene_file = Path(os.environ["GEOSAR_DATA"]) / "scenes" / "los_angeles_s1_vh.tif"
    lines = [
        "# Memory over many tiles",
        "",
        "`python benchmarks/soak.py`",
        "",
        "| tiles | MiB | tiles/s |",
        "|---|---|---|",
    ]
    held: list[float] = []
    for asked, memory, rate in soak(scene_file, options.tiles, options.at_once):
        held.append(memory)
        lines.append(f"| {asked} | {memory:.0f} | {rate:.1f} |")
        print(lines[-1], flush=True)
    growth = max(held[-2:]) / held[1]
    lines.append(
        f"\nGrowth from the first tenth to the highest of the last: {100 * (growth - 1):+.1f} % (at most +10 %).\n"
    )
    print(lines[-1])
    if options.report:
        options.report.write_text("\n".join(lines))
    return int(growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
