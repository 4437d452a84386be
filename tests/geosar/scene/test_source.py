"""Where scenes come from: several files, siblings, servers; and what is refused before anything is opened."""

import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from geosar.errors import (
    GridMismatchError,
    PolarisationError,
    SceneChangedError,
    SceneContentError,
    SceneNotFoundError,
    SceneReadError,
    UsageError,
)
from geosar.grid import Window
from geosar.scene import SarScene, open_scene
from geosar.scene import source as sources
from geosar.scene.source import beginning
from helpers.rasters import TEN_METRES, speckled

VV = (10 * np.log10(speckled((1, 64, 96), seed=1))).astype(np.float32)
VH = (10 * np.log10(speckled((1, 64, 96), seed=2))).astype(np.float32) - 7


def values_of(scene: SarScene) -> np.ndarray:
    return scene.read(scene.grid.window).values


def test_one_file_for_each_polarisation(make_raster: Callable[..., Path]) -> None:
    files = {"VH": make_raster("a.tif", VH), "VV": make_raster("b.tif", VV)}
    with open_scene(files) as scene:
        assert scene.polarisations == ("VH", "VV")
        assert (values_of(scene) == np.concatenate([VH, VV])).all()
        assert (values_of(scene.select("VV")) == VV).all()
        assert scene.source.count(".tif") == 2
        assert len(scene.statistics) == 2
        scene.check_unchanged()
        files["VV"].write_bytes(b"")
        with pytest.raises(SceneChangedError, match=r"b\.tif"):
            scene.check_unchanged()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transform": TEN_METRES @ Affine.translation(1, 0)}, "another grid"),
        ({"crs": "EPSG:32644"}, "another grid"),
        ({"dtype": "float64"}, "one type"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    make_raster: Callable[..., Path], options: Any, message: Any
) -> None:
    files = {"VV": make_raster("a.tif", VV), "VH": make_raster("b.tif", VH, **options)}
    with pytest.raises(GridMismatchError, match=message):
        open_scene(files)


def test_mappings_that_make_no_sense_are_refused(make_raster: Callable[..., Path]) -> None:
    path = make_raster("two.tif", np.concatenate([VV, VH]))
    with pytest.raises(PolarisationError, match="XX"):
        open_scene({"XX": path})
    with pytest.raises(SceneContentError, match="expected one, for VV"):
        open_scene({"VV": path})
    with pytest.raises(UsageError, match="No file"):
        open_scene({})


@pytest.mark.parametrize(("first", "second"), [("S1_VV.tif", "S1_VH.tif"), ("s1-grd-vv-1.tif", "s1-grd-vh-1.tif")])
def test_the_file_of_the_other_polarisation_is_found_by_name_and_noted(
    make_raster: Callable[..., Path], first: Any, second: Any
) -> None:
    path = make_raster(first, VV)
    make_raster(second, VH)
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV", "VH")
        assert (values_of(scene) == np.concatenate([VV, VH])).all()
        assert any(second in note for note in scene.notes)
    with open_scene(path, polarisation="VV") as scene:
        assert scene.polarisations == ("VV",)


def test_a_sibling_that_does_not_fit_is_left_out_and_noted(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = make_raster("S1_VV.tif", VV)
    make_raster("S1_VH.tif", VH[:, :10])
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV",)
        assert any("left out" in note and "another grid" in note for note in scene.notes)
    (tmp_path / "S1_VH.tif").write_text("no raster")
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV",)


def test_a_sibling_that_is_left_out_decides_neither_unit_nor_time(make_raster: Callable[..., Path]) -> None:
    power = speckled((1, 64, 96), seed=1)
    path = make_raster("s_VV.tif", power)
    with open_scene(path) as scene:
        alone = scene.unit, scene.acquired, scene.notes
    make_raster("s_VH.tif", power[:, :10], tags={"UNIT": "amplitude", "ACQUISITION_START_TIME": "2024-05-06T07:08:09"})
    with open_scene(path) as scene:
        assert (scene.unit, scene.acquired) == alone[:2]
        assert scene.notes[-1] == alone[2][-1]
        assert len([note for note in scene.notes if "left out" not in note]) == 1


def test_a_file_with_both_bands_looks_for_no_sibling(make_raster: Callable[..., Path]) -> None:
    path = make_raster("S1_VV.tif", np.concatenate([VV, VH]), descriptions=("VV", "VH"))
    make_raster("S1_VH.tif", VH)
    with open_scene(path) as scene:
        assert scene.source == str(path)


class RangeHandler(SimpleHTTPRequestHandler):
    """A static server that answers range requests, as GDAL needs."""

    requests: list[str | None] = []  # noqa: RUF012 - shared by all connections on purpose
    etag = '"one"'

    def do_GET(self) -> None:
        """Answer a part of a file, or the whole."""
        span = self.headers.get("Range")
        self.requests.append(span)
        try:
            with open(self.translate_path(self.path), "rb") as file:  # noqa: PTH123
                content = file.read()
        except OSError:
            self.send_error(404)
            return
        total = len(content)
        if span:
            first, _, last = span.removeprefix("bytes=").partition("-")
            content = content[int(first) : int(last or total - 1) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(content) - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", type(self).etag)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder; the URL of the server."""
    RangeHandler.requests.clear()
    RangeHandler.etag = '"one"'
    handler = partial(RangeHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(("header", "words"), [(b"# geosar\n", '"# geosar"'), (b"\x89HDF\r\n", "89 48 44 46 0d 0a")])
def test_the_beginning_of_a_strange_file_is_told_in_words(header: bytes, words: str) -> None:
    assert beginning(header) == words


def test_a_raster_on_a_server_is_read_by_parts(make_raster: Callable[..., Path], server: str) -> None:
    values = speckled((1, 2048, 2048))
    make_raster("remote_power.tif", values, tiled=True, blockxsize=128, blockysize=128)
    with open_scene(f"{server}/remote_power.tif", scale="power", nodata="none") as scene:
        window = Window(1000, 1500, 64, 64)
        block = scene.read(window)
        assert (block.values == values[:, *window.slices]).all()
        sizes = [
            int(last) - int(first) + 1
            for first, last in (
                byte_range.removeprefix("bytes=").split("-") for byte_range in RangeHandler.requests if byte_range
            )
        ]
        assert all(RangeHandler.requests)
        assert scene.driver == "GTiff"
        assert scene.name == "remote_power"
        assert sum(sizes) < values.nbytes / 2


def test_a_servers_new_version_is_noticed(make_raster: Callable[..., Path], server: str) -> None:
    make_raster("remote.tif", VV)
    with open_scene(f"{server}/remote.tif") as scene:
        scene.check_unchanged()
        fingerprint = scene.fingerprint
        RangeHandler.etag = '"two"'
        with pytest.raises(SceneChangedError):
            scene.check_unchanged()
    with open_scene(f"{server}/remote.tif") as scene:
        assert scene.fingerprint != fingerprint


def test_secrets_in_a_url_are_not_printed(make_raster: Callable[..., Path], server: str) -> None:
    make_raster("remote.tif", VV)
    address = server.replace("//", "//user:secret@")
    with open_scene(f"{address}/remote.tif?signature=secret") as scene:
        assert scene.source == f"{server}/remote.tif"
        assert "secret" not in repr(scene) + "".join(scene.notes)
    with pytest.raises(SceneNotFoundError) as refused:
        open_scene(f"{address}/absent.tif?signature=secret")
    assert "secret" not in str(refused.value)


def test_servers_that_have_it_not_or_do_not_answer_are_reported(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SceneNotFoundError, match="404"):
        open_scene(f"{server}/absent.tif")
    monkeypatch.setattr(sources, "PROBE_TIMEOUT_SECONDS", 0.3)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(SceneReadError, match="did not answer"):
            open_scene(f"http://127.0.0.1:{deaf.getsockname()[1]}/scene.tif")
    with pytest.raises(SceneReadError, match="did not answer"):
        open_scene("http://127.0.0.1:9/scene.tif")


def test_a_page_instead_of_a_raster_is_reported(tmp_path: Path, server: str) -> None:
    (tmp_path / "page.tif").write_text("<html>sign in</html>")
    with pytest.raises(SceneReadError, match="is not a raster"):
        open_scene(f"{server}/page.tif")


def test_gdal_waits_for_servers_no_longer_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "7")
    remote = sources.resolve("s3://bucket/scene.tif")
    options = remote.environment().options
    assert options["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"
    assert options["GDAL_HTTP_MAX_RETRY"] == "7"
    assert int(options["GDAL_HTTP_TIMEOUT"]) <= 60
    assert int(options["GDAL_HTTP_CONNECTTIMEOUT"]) <= 30


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/http://inside/scene.tif",
        "/vsimem/x.tif",
        "<VRTDataset rasterXSize='1'/>",
        "GTIFF_RAW:scene.tif",
        "SENTINEL1_CALIB:SIGMA0:x:IW_VV:INTENSITY",
        "WMS:http://inside",
        "ftp://host/scene.tif",
        "gs+zip://bucket/scene.tif",
        "https://host/product.zip",
    ],
)
def test_names_for_gdals_own_use_and_odd_schemes_are_refused(name: Any) -> None:
    with pytest.raises(UsageError, match=r"give|download"):
        open_scene(name)


def test_a_file_url_is_a_path(make_raster: Callable[..., Path]) -> None:
    with open_scene(f"file://{make_raster('a.tif', VV)}") as scene:
        assert (values_of(scene) == VV).all()


def test_an_object_of_a_bucket_goes_to_gdals_s3_reader() -> None:
    source = sources.resolve("s3://bucket/folder/scene%201.tif")
    assert source.gdal_name == "/vsis3/bucket/folder/scene%201.tif"
    assert (source.driver, source.name, source.remote) == ("GTiff", "scene 1", True)
    assert sources.resolve("s3://bucket/a.png").driver == "PNG"


@pytest.mark.parametrize("when", ["looked at", "opened"])
def test_a_file_that_is_removed_while_it_is_opened_is_not_found(
    make_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path = make_raster("a.tif", VV)
    module, name = (Path, "open") if when == "looked at" else (rasterio, "open")
    opens = getattr(module, name)

    def remove_and_open(*given: Any, **options: Any) -> Any:
        path.unlink(missing_ok=True)
        return opens(*given, **options)

    monkeypatch.setattr(module, name, remove_and_open)
    with pytest.raises(SceneNotFoundError, match=r"a\.tif"), open_scene(path):
        pass


class DeniesHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        code = int(self.path.strip("/").partition("?")[0].partition(".")[0])
        if code != 200:
            self.send_error(code)
            return
        self.send_response(200)  # the whole file, whatever range was asked for
        self.end_headers()
        self.wfile.write(b"II*\0" + bytes(2000))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (401, SceneReadError, "answered 401 .*wants a user and password"),
        (403, SceneReadError, "answered 403 .*signature expired"),
        (404, SceneNotFoundError, "answered 404 .*no such file"),
        (200, SceneReadError, "cannot send parts of a file.*Download it first"),
    ],
)
def test_what_a_server_denies_is_told_by_what_it_is(code: int, kind: type[Exception], words: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), DeniesHandler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            with pytest.raises(kind, match=words) as raised:
                open_scene(f"http://127.0.0.1:{running.server_port}/{code}.tif?sig=SECRET")
        finally:
            running.shutdown()
            thread.join()
    assert "SECRET" not in str(raised.value)
