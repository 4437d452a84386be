"""The serving half of the demonstration: a real service, a translated scene, and links that answer."""

import io
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from geosar_tiler import demo
from geosar_tiler.demo import DemonstrationError, check, links_to, show_service
from helpers.rasters import speckled, write_raster

TILES = {"bounds": [14.0, 47.0, 15.0, 48.0], "minzoom": 8, "maxzoom": 12, "name": "a (synthetic)"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what the first half makes of a place, as far as the second half looks at it."""
    folder = tmp_path_factory.mktemp("shown")
    radar = write_raster(folder / "fields_vv_power.tif", speckled((300, 340)))
    truth = write_raster(folder / "truth.tif", (80 * speckled((3, 300, 340))).clip(1, 255).astype("uint8"))
    place = SimpleNamespace(name="fields", source={"VV": radar}, truth=(truth,))
    return SimpleNamespace(place=place, report=SimpleNamespace(polarisations=("VV",)))


def test_it_serves_the_translated_scene_and_ends(shown: Any, model: Path, tmp_path: Path) -> None:
    output = io.StringIO()
    with socket.socket() as connection:  # the port that was asked for is not free
        connection.bind(("127.0.0.1", 0))
        connection.listen()
        port = connection.getsockname()[1]
        shown_scene = show_service(shown, tmp_path, str(model), port, Console(file=output, width=300), staying=False)
    assert [link.what for link in shown_scene] == [
        "The map", "XYZ tiles", "TileJSON", "WMTS", "STAC API", "HTTP reference", "QGIS",
    ]  # fmt: skip
    assert all(link.url in output.getvalue() for link in shown_scene)
    assert f":{port}/" not in output.getvalue()
    with pytest.raises(DemonstrationError, match="did not answer"):
        check(shown_scene[2].url)  # the service has ended


def test_the_links_are_those_that_people_paste() -> None:
    links = {link.what: link for link in links_to("http://host:1", "ID", TILES)}
    assert links["XYZ tiles"].url == "http://host:1/scenes/ID/optical/tiles/{z}/{x}/{y}.png"
    # (1 - ln(tan 47.5° + sec 47.5°) / pi) / 2 of 4096 rows is 1432.3
    assert links["XYZ tiles"].check == "http://host:1/scenes/ID/optical/tiles/12/2212/1432.png"
    assert links["The map"].url == "http://host:1/#scene=ID&compare=swipe,sar,optical,50"
    assert links["QGIS"].url == (
        'iface.addRasterLayer("type=xyz&zmin=8&zmax=12&url=http://host:1/scenes/ID/optical/tiles/%7Bz%7D/%7Bx%7D/%7By%7D'
        '.png", "a (synthetic)", "wms")'
    )


class _Stub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/empty" else 418)
        self.end_headers()
        if self.path != "/empty":
            self.wfile.write(b"a teapot")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stub) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_link_that_does_not_answer_well_is_named(stub: str) -> None:
    with pytest.raises(DemonstrationError, match=f"GET {stub}/a answered 418: a teapot"):
        check(f"{stub}/a")
    with pytest.raises(DemonstrationError, match="answered nothing"):
        check(f"{stub}/empty")


def test_a_service_that_does_not_start_says_why(shown: Any, tmp_path: Path) -> None:
    (tmp_path / "service").write_text("a file where the store should be", encoding="utf-8")
    with pytest.raises(DemonstrationError, match=r"did not start\. Error: the store .*service cannot be written to"):
        show_service(shown, tmp_path, "s1-rgb", 0, Console(file=io.StringIO()), staying=False)


def test_in_a_terminal_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    """The whole command on two patches, with a terminal as its output."""
    program = (
        "import geosar.demo.demonstration, signal, sys; from geosar.demo.examples import unpack_examples\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's job in the background ignores it
        "geosar.demo.demonstration.unpack_examples = lambda folder, wheel: unpack_examples(folder, wheel)[:2]\n"
        "from geosar_tiler.demo import main; sys.exit(main([sys.argv[1], '--port', '0']))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "GEOSAR_DATA"}}
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=its_end, stderr=its_end, env=environment
    )
    os.close(its_end)
    output = ""
    end = time.monotonic() + 300
    while "Ctrl-C stops" not in output:
        assert time.monotonic() < end, output
        output += os.read(terminal, 4096).decode(errors="replace")
    match = re.search(r"TileJSON +(http\S+)", output)
    assert match is not None
    assert b"synthetic" in check(match[1])
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    os.close(terminal)
    with pytest.raises(DemonstrationError):
        check(match[1])
    assert (tmp_path / "map.html").is_file()


def test_elsewhere_it_fails_with_a_reason_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([str(tmp_path), "--examples", str(tmp_path / "absent.whl")]) == 1
    assert "absent.whl holds no" in capsys.readouterr().err
