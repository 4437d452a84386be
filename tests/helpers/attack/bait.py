"""Bait: files whose time of access tells that they were read, and a server on loopback that counts who comes."""

import os
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from helpers.rasters import write_raster

SECRET = b"geosar-bait-7d0c"
VALUE = 77
"""What each pixel of the bait holds."""
_LONG_AGO = 10**9


@dataclass
class Bait:
    """Files and a URL that nothing may touch."""

    folder: Path
    address: str
    came: list[str] = field(default_factory=list)

    @property
    def raster(self) -> Path:
        return self.folder / "bait.tif"

    @property
    def vrt(self) -> str:
        return (
            "<VRTDataset rasterXSize='600' rasterYSize='600'>"
            "<Metadata><MDI key='INTERNAL_MASK_FLAGS_1'>2</MDI></Metadata>"
            "<VRTRasterBand dataType='Byte' band='1'><SimpleSource>"
            f"<SourceFilename>{self.raster}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
        )

    @property
    def strings(self) -> tuple[str, ...]:
        """What somebody might send instead of a name."""
        return (
            f"file://{self.raster}",
            str(self.raster),
            f"/vsicurl/{self.address}/bait.tif",
            f"/vsizip/{self.folder}/bait.zip/bait.tif",
            f"../../../../../../..{self.raster}",
            f"{self.address}/bait.tif",
            "http://169.254.169.254/latest/meta-data/",
            self.vrt,
            f"GTIFF_DIR:1:{self.raster}",
            "scene\0.tif",
        )

    def lay(self) -> None:
        """Set the time of access back, so that the next read shows."""
        self.came.clear()
        for path in self.folder.iterdir():
            os.utime(path, (_LONG_AGO, time.time()))

    def touched(self) -> list[str]:
        """Everything of it that was read or asked for."""
        read = [path.name for path in self.folder.iterdir() if path.stat().st_atime != _LONG_AGO]
        return [*read, *self.came]


@contextmanager
def bait_in(folder: Path) -> Iterator[Bait]:
    """Lay bait in a folder, and see that it tells."""
    write_raster(folder / "bait.tif", np.full((1, 8, 8), VALUE, np.uint8), tags={"SECRET": SECRET.decode()})
    with zipfile.ZipFile(folder / "bait.zip", "w") as archive:
        archive.write(folder / "bait.tif", "bait.tif")
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET  # noqa: N815 - the server's own names

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    bait = Bait(folder, f"http://127.0.0.1:{server.server_port}", came)
    bait.lay()
    (folder / "bait.zip").read_bytes()
    assert bait.touched() == ["bait.zip"], "this file system does not keep times of access, so the bait tells nothing"
    bait.lay()
    yield bait
    server.shutdown()
