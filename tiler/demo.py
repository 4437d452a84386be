"""The demonstration behind ``make demo``: translates real scenes, then serves one of them and says where.

``python -m geosar_tiler.demo FOLDER`` takes what ``python -m geosar.demo`` takes, and ``--port``. In a terminal it
serves until Ctrl-C; elsewhere, and where CI is "true", it asks every URL once and ends.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from morecantile import tms as matrix_sets
from rich.console import Console

from geosar.demo.demonstration import TranslatedPlace, demonstrate, make_parser
from geosar.errors import GeosarError
from geosar_tiler.state.states import LIVE, JobStatus

START_SECONDS = 120
STOP_SECONDS = 20
JOB_SECONDS = 600
_LOOPBACK = "127.0.0.1"


class DemonstrationError(GeosarError, RuntimeError):
    """The service did not do what the demonstration shows."""


@dataclass(frozen=True, slots=True)
class Link:
    """A URL to show: `check` is what is asked to see that it answers, if that is another."""

    what: str
    url: str
    check: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when all went well, 1 with the reason on stderr when not."""
    parser = make_parser()
    parser.add_argument("--port", type=int, default=8000, help="where to serve; if it is taken, any that is free")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    staying = sys.stdout.isatty() and os.environ.get("CI") != "true"
    for ending in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, so that the service ends too
        signal.signal(ending, signal.default_int_handler)
    try:
        shown = demonstrate(options.folder, options.examples, os.environ.get("GEOSAR_DATA"), console, options.model)
        show_service(shown[-1], options.folder, options.model, options.port, console, staying=staying)
    except GeosarError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"Error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return 0


def show_service(
    shown: TranslatedPlace, folder: Path, model: str, port: int, console: Console, *, staying: bool
) -> list[Link]:
    """Start `geosar serve`, send it the scene, have it translated, and tell the URLs that answer.

    With `staying` it serves until Ctrl-C. Raises DemonstrationError where a URL does not answer.
    """
    with _serving(folder, model, port) as (service, process):
        console.print("\nSending the scene to the service, which translates it as a job of its own ...")
        links = links_to(service, *_register(service, shown))
        for url in dict.fromkeys(link.check or link.url for link in links):
            check(url)
        console.print("\nThe service runs. Its URLs:\n")
        width = max(len(link.what) for link in links)
        for link in links:
            console.print(f"  {link.what:<{width}}  {link.url}", markup=False)
        console.print(
            "\nIn QGIS: Layer > Add Layer > Add XYZ Layer, and paste the URL of the XYZ tiles; "
            "or paste the last line into Plugins > Python Console."
        )
        if staying:
            console.print("\nCtrl-C stops the service.")
            process.wait()
            raise DemonstrationError(f"the service ended by itself; {folder / 'service.log'} may say why.")
    return links


def links_to(service: str, scene: str, tiles: Mapping[str, Any]) -> list[Link]:
    """List what a person may want of a translated scene; `tiles` is its TileJSON."""
    layer = f"{service}/scenes/{scene}/optical"
    xyz = layer + "/tiles/{z}/{x}/{y}.png"
    west, south, east, north = tiles["bounds"]
    tile = matrix_sets.get("WebMercatorQuad").tile((west + east) / 2, (south + north) / 2, tiles["maxzoom"])
    source = f"type=xyz&zmin={tiles['minzoom']}&zmax={tiles['maxzoom']}&url={quote(xyz, safe=':/')}"
    picture = xyz.format(z=tile.z, x=tile.x, y=tile.y)
    return [
        Link("The map", f"{service}/#scene={scene}&compare=swipe,sar,optical,50", f"{service}/?f=html"),
        Link("XYZ tiles", xyz, picture),
        Link("TileJSON", f"{layer}/tilejson.json"),
        Link("WMTS", f"{layer}/WMTSCapabilities.xml"),
        Link("STAC API", f"{service}/stac", f"{service}/stac/search?collections=results&limit=1"),
        Link("HTTP reference", f"{service}/docs"),
        Link("QGIS", f'iface.addRasterLayer("{source}", "{tiles["name"]}", "wms")', picture),
    ]


def check(url: str) -> bytes:
    """Return what a URL answers; raises DemonstrationError where it is no success, or nothing."""
    return _ask("GET", url)


@contextmanager
def _serving(folder: Path, model: str, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `geosar serve` as a person would; returns its URL, once it can work, and its process."""
    port = _free(port)
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), "--store", str(folder / "service")]
    if Path(model).exists():
        model = str(Path(model).absolute())
    # Keys, limits and proxies of another service have no place in the demonstration.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GEOSAR_")}
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--model", model], stdout=output, stderr=output, env=environment)
        try:
            service = f"http://{_LOOPBACK}:{port}"
            _wait_until_ready(process, service, log)
            yield service, process
        finally:
            process.terminate()  # a second SIGINT after that of Ctrl-C would cut its good-bye short
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free(port: int) -> int:
    for number in (port, 0):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((_LOOPBACK, number))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise DemonstrationError("no port of this machine is free, so the service cannot be shown.")


def _wait_until_ready(process: subprocess.Popen[bytes], service: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            check(f"{service}/readyz")
        except DemonstrationError as error:
            if process.poll() is not None or time.monotonic() > end:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise DemonstrationError(f"the service did not start. {lines[-1] if lines else error}") from error
        else:
            return
        time.sleep(0.2)


def _register(service: str, shown: TranslatedPlace) -> tuple[str, dict[str, Any]]:
    """Send the radar and, if it is one file, the true image; have the scene translated; give its id and TileJSON."""
    source = shown.place.source
    radar = source[shown.report.polarisations[0]] if isinstance(source, Mapping) else source
    scene = json.loads(_send("POST", f"{service}/scenes", radar))["id"]
    if len(shown.place.truth) == 1:
        _send("PUT", f"{service}/scenes/{scene}/reference", shown.place.truth[0])
    order = json.dumps({"inputs": {"scene": scene}}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    job = json.loads(_ask("POST", f"{service}/processes/translate/execution", order, headers))
    end = time.monotonic() + JOB_SECONDS
    while job["status"] in LIVE and time.monotonic() < end:
        time.sleep(0.2)
        job = json.loads(check(f"{service}/jobs/{job['jobID']}"))
    if job["status"] != JobStatus.SUCCESSFUL:
        raise DemonstrationError(f"the job is {job['status']}: {job.get('message') or 'it gives no reason'}.")
    tiles: dict[str, Any] = json.loads(check(f"{service}/scenes/{scene}/optical/tilejson.json"))
    return scene, tiles


def _send(method: str, url: str, path: Path) -> bytes:
    with path.open("rb") as file:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        return _ask(method, f"{url}?filename={quote(path.name)}", file, headers)


def _ask(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310 - our own URL
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace")[:500]
        raise DemonstrationError(f"{method} {url} answered {error.code}: {reason}") from error
    except OSError as error:
        raise DemonstrationError(f"{method} {url} did not answer: {error}.") from error
    if not content:
        raise DemonstrationError(f"{method} {url} answered nothing.")
    return content


if __name__ == "__main__":
    sys.exit(main())
