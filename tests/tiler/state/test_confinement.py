"""What looks at uploads reads what comes in, and nothing else; it writes nothing, and reaches nobody."""

import socket
import subprocess
import sys
from pathlib import Path

from geosar.cli.doctor import examine
from geosar_tiler.state import confinement
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.store import Store
from helpers.attack import looks
from helpers.service import MakeService, send


def spied(store: Store, *, confined: bool) -> set[str]:
    secret, scene = store.root / "secret", store.scenes / "a" / "source" / "scene.tif"
    scene.parent.mkdir(parents=True)
    for path in (secret, scene):
        path.write_text("nobody's business")
    inspector = Inspector(60, store.incoming if confined else None)
    with store.upload() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        file = folder / "scene.tif"
        file.write_text(f"{server.getsockname()[1]} {secret} {scene}")
        try:
            return set(inspector._ask(looks.spying, file, {})["done"])
        finally:
            inspector.close()


def test_a_process_that_looks_at_uploads_can_do_nothing_else(tmp_path: Path) -> None:
    everything = spied(Store(tmp_path / "free"), confined=False)
    assert {"read secret", "read scene.tif", "read /etc/passwd", "list the store", "connect", "run"} <= everything
    left = spied(Store(tmp_path / "store"), confined=True)
    assert left == (set() if confinement.version() >= 4 else left)


def test_doctor_says_how_it_is_confined() -> None:
    finding = examine()["machine"]["uploads"]
    assert finding == confinement.described()
    if confinement.version() >= 4:
        assert finding == "reads what comes in alone; no network"


def test_confined_or_not_a_scene_is_looked_at(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        assert send(client, scene_file)["display"]["state"] == "ready"


def test_it_is_confined_before_libraries_begin_threads() -> None:
    program = "import geosar_tiler.state.confinement, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"numpy", "rasterio", "pyproj"} & set(ran.stdout.split())
