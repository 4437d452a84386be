"""How many requests GDAL needs to read from the sink's file over HTTP."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from helpers.rasters.cog_images import smooth_image, write_image

GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_HTTP_PROXY": "", "NO_PROXY": "127.0.0.1"}


class RangeServer(ThreadingHTTPServer):
    """Serves one file and remembers which bytes were asked for."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), RangeHandler)
        self.content = content
        self.asked: list[tuple[int, int]] = []

    @property
    def url(self) -> str:
        return f"/vsicurl/http://127.0.0.1:{self.server_port}/a.tif"


class RangeHandler(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def do_GET(self) -> None:
        match = re.match(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert match is not None
        start, stop = int(match[1]), min(int(match[2]) + 1, len(self.server.content))
        self.server.asked.append((start, stop))
        self.send_response(206)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(self.server.content)}")
        self.end_headers()
        self.wfile.write(self.server.content[start:stop])

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    random = np.random.default_rng(3)
    pixels, valid = smooth_image(2048, 2048)
    pixels = (pixels // 2 + random.integers(1, 120, pixels.shape)).astype(np.uint8)
    path = write_image(tmp_path / "a.tif", (pixels, valid), tile=256, window_size=1024)
    with RangeServer(path.read_bytes()) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_tile_and_its_mask_come_with_one_request_after_one_for_the_header(server: RangeServer) -> None:
    window = Window(512, 768, 256, 256)
    with rasterio.Env(**GDAL), rasterio.open(server.url) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert len(server.asked) == 1
        server.asked.clear()
        dataset.read(window=window)
        dataset.dataset_mask(window=window)
    assert len(server.asked) == 1
    start, stop = server.asked[0]
    assert stop - start < len(server.content) / 8


def test_all_of_it_reads_the_same_over_http(server: RangeServer, tmp_path: Path) -> None:
    with rasterio.Env(**GDAL), rasterio.open(server.url) as remote, rasterio.open(tmp_path / "a.tif") as local:
        np.testing.assert_array_equal(remote.read(), local.read())
        np.testing.assert_array_equal(remote.dataset_mask(), local.dataset_mask())
