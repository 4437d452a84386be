"""
Tests inside QGIS: run by QGIS's own Python, with a real service as a process of the project's Python.

`make test-qgis` runs them through run.py; the ordinary tests, in an environment without QGIS, leave this folder out.
"""

import gc
import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KEY = "the-key-of-the-tests"
PYTHON = os.environ.get("GEOSAR_PYTHON", str(ROOT / ".venv" / "bin" / "python"))

if "GEOSAR_IN_QGIS" not in os.environ:  # run.py sets it
    collect_ignore_glob = ["*"]
else:
    sys.path[:0] = [str(ROOT / "qgis_plugin"), str(Path(__file__).parent)]
    from panels import plugin, window  # noqa: F401 - fixtures, which need QGIS


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: str
    key: str = ""


def tiny_model(folder: Path, kind: str = "model", **described: str) -> Path:
    """Make the small network that the tests of geosar use: jobs begin at once. A `dual_model` despeckles, too."""
    writes = f"tiny_model.write_{kind}(pathlib.Path(sys.argv[1]), **{described!r})"
    code = f"import sys, pathlib; from helpers import tiny_model; {writes}"
    paths = [str(ROOT / "tests"), os.environ.get("PYTHONPATH", ""), str(ROOT / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    subprocess.run([PYTHON, "-c", code, str(folder / "tiny")], env=environment, check=True)
    return folder / "tiny"


def begin_service(folder: Path, port: int = 0, **settings: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a service in a process of its own, at a port that is free or this one; gives it and its URL when ready."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    log = (folder / "service.log").open("wb")
    environment = {key: value for key, value in os.environ.items() if key not in {"GDAL_PAM_ENABLED", "PYTHONHOME"}}
    paths = [path for path in (environment.get("PYTHONPATH"), str(ROOT / "src")) if path]
    process = subprocess.Popen(
        [PYTHON, "-c", "import sys; from geosar.cli import main; sys.exit(main())",
         "serve", "--port", str(port), "--store", str(folder / "store")],
        env={**environment, "PYTHONPATH": os.pathsep.join(paths), **settings}, cwd=folder, stdout=log, stderr=log,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                return process, url
        except OSError:
            said = (folder / "service.log").read_text()
            assert process.poll() is None, f"the service ended: {said}"
            if time.monotonic() > end:
                process.kill()
                pytest.fail(f"the service does not answer: {said}")
            time.sleep(0.2)


def end_service(process: subprocess.Popen[bytes]) -> None:
    """End a service, by force where it takes too long."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Let go of what is held in circles while QGIS is there; after its end that crashes."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that is open."""
    folder = tmp_path_factory.mktemp("open")
    process, url = begin_service(folder, GEOSAR_MODEL=str(tiny_model(folder)))
    yield Served(url)
    end_service(process)


@pytest.fixture(scope="session")
def despeckling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose model makes despeckled radar."""
    folder = tmp_path_factory.mktemp("despeckling")
    process, url = begin_service(folder, GEOSAR_MODEL=str(tiny_model(folder, "dual_model")))
    yield Served(url)
    end_service(process)


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that wants a key, and signs URLs for a short time."""
    keys = f"write:{hashlib.sha256(KEY.encode()).hexdigest()}"
    folder = tmp_path_factory.mktemp("locked")
    process, url = begin_service(
        folder, GEOSAR_MODEL=str(tiny_model(folder)), GEOSAR_API_KEYS=keys, GEOSAR_SIGNATURE_SECONDS="7200"
    )
    yield Served(url, KEY)
    end_service(process)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real scenes, GEOSAR_DATA; without it the test is skipped, or fails where that is asked."""
    given = os.environ.get("GEOSAR_DATA")
    if given and Path(given, "scenes").is_dir():
        return Path(given)
    message = f"GEOSAR_DATA is {given!r}; set it to the folder that holds scenes/."
    if os.environ.get("GEOSAR_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def make_sar(tmp_path: Path) -> Callable[..., Path]:
    """A factory of small SAR images: name, size and seed in, path out. 10 m pixels in UTM, in decibel."""
    import numpy as np
    from osgeo import gdal, osr

    def make(name: str = "fields_vv.tif", width: int = 300, height: int = 200, seed: int = 1, bands: int = 1) -> Path:
        random = np.random.default_rng(seed)
        rows, cols = np.indices((height, width))
        fields = -13 + 6 * np.sin(rows / 19 + seed) + 3 * np.cos(cols / 17)
        path = tmp_path / name
        made = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal.GDT_Float32)
        made.SetGeoTransform((600_000 + 5000 * (seed % 40), 10, 0, 1_200_000 + 5000 * (seed // 40), 0, -10))
        system = osr.SpatialReference()
        system.ImportFromEPSG(32643)
        made.SetProjection(system.ExportToWkt())
        for number in range(bands):
            speckle = 10 * np.log10(random.gamma(4.4, 1 / 4.4, (height, width)))
            made.GetRasterBand(number + 1).WriteArray((fields - 6 * number + speckle).astype(np.float32))
            made.GetRasterBand(number + 1).SetDescription(("VV", "VH", "spare")[number])
        made = None
        return path

    return make
