"""Where the files lie: a local folder with one folder for each scene and each job."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED_SECONDS = 24 * 3600
RESERVE_BYTES = 8 * 2**20
LEAST_SPARE = 4 * RESERVE_BYTES
"""Nothing is held back of a disk that has less."""
_LIVE = "live-blocks"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SUFFIXES = {"GTiff": ".tif", "PNG": ".png", "JPEG": ".jpg", "SAFE": ".zip"}


class Store:
    """Knows every path. Identifiers are made here or come from the database, never from a request as they are."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        for folder in (self.incoming, self.root / "uploads", self.root / "scenes", self.root / "jobs"):
            folder.mkdir(parents=True, exist_ok=True)
        self._forget_abandoned_uploads()
        self.keep_reserve()

    def keep_reserve(self) -> None:
        """Hold back some of the disk, where it has that to spare, for what must be written when it is full."""
        with suppress(OSError):
            if self._reserve.is_file() or self.free_bytes() < LEAST_SPARE:
                return
            part = self._reserve.with_suffix(f".{uuid.uuid4().hex}")
            with suppress(OSError), part.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                part.replace(self._reserve)
            part.unlink(missing_ok=True)

    def release_reserve(self) -> bool:
        """Give back what is held back of the disk; returns whether there was anything."""
        try:
            self._reserve.unlink()
        except OSError:
            return False
        return True

    @property
    def _reserve(self) -> Path:
        return self.root / "reserve"

    @property
    def owners(self) -> Path:
        """Folder of the locks that tell which services live."""
        return self.root / "owners"

    @property
    def incoming(self) -> Path:
        """Folder for what is on its way, one folder for each request."""
        return self.root / "incoming"

    @contextmanager
    def upload(self) -> Iterator[Path]:
        """Give a fresh folder for what comes in; whatever was not moved away is removed with it."""
        folder = self.incoming / uuid.uuid4().hex
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def resumable(self, upload_id: str) -> Path:
        """Give the path of a file that comes in parts."""
        return self.root / "uploads" / upload_id

    def source(self, scene_id: str, filename: str) -> Path:
        """Give the path of an uploaded scene; it lies alone in its folder, so that GDAL finds no file beside it."""
        return self.root / "scenes" / scene_id / "source" / filename

    def display(self, scene_id: str) -> Path:
        """Give the path of the copy that SAR tiles are made from."""
        return self.root / "scenes" / scene_id / "sar.tif"

    def job(self, job_id: str) -> Path:
        """Folder of a job's results."""
        return self.root / "jobs" / job_id

    def reference(self, scene_id: str) -> Path:
        """Give the path of the copy that tiles of the true optical image are made from."""
        return self.root / "scenes" / scene_id / "reference.tif"

    def reference_source(self, scene_id: str, filename: str) -> Path:
        """Give the path of the true optical image as it was sent."""
        return self.root / "scenes" / scene_id / "reference" / filename

    def glance(self, scene_id: str) -> Path:
        """Give the path of the coarse picture that is shown until the copy for SAR tiles is ready."""
        return self.root / "scenes" / scene_id / "glance.tif"

    def live_blocks(self, scene_id: str) -> Path:
        """Folder of a scene's blocks that were translated live."""
        return self.root / "scenes" / scene_id / _LIVE

    def all_live_blocks(self) -> Iterator[Path]:
        """Give the file of each block that was translated live, of all scenes."""
        return self.root.glob(f"scenes/*/{_LIVE}/*/*")

    @staticmethod
    def place(upload: Path, target: Path) -> None:
        """Move a complete file to where it belongs."""
        target.parent.mkdir(parents=True, exist_ok=True)
        upload.replace(target)

    def remove_scene(self, scene_id: str) -> None:
        """Free the disk of a scene's files; they leave their place at once, so that no half of them is found."""
        gone = self.incoming / uuid.uuid4().hex
        try:
            (self.root / "scenes" / scene_id).replace(gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)

    def remove_reference(self, scene_id: str) -> None:
        """Free the disk of a scene's true optical image."""
        self.reference(scene_id).unlink(missing_ok=True)
        shutil.rmtree(self.root / "scenes" / scene_id / "reference", ignore_errors=True)

    def remove_job(self, job_id: str) -> None:
        """Free the disk of a job's results."""
        shutil.rmtree(self.job(job_id), ignore_errors=True)

    def used_bytes(self) -> int:
        """Sum of the sizes of all files but live blocks, which have a limit of their own and can be made again."""
        total = 0
        for folder, within, names in os.walk(self.root):
            within[:] = [name for name in within if name != _LIVE]
            for name in names:
                if name == "reserve" and folder == str(self.root):
                    continue
                with suppress(OSError):  # removed while we looked
                    total += Path(folder, name).stat().st_size
        return total

    def free_bytes(self) -> int:
        """What the disk has left."""
        return shutil.disk_usage(self.root).free

    def scrub(self, message: str) -> str:
        """Take the folders of the store out of a message that goes to a client."""
        return re.sub(re.escape(str(self.root)) + r"(?:/[^/\s,:;'\"]+)*/", "", message).replace(str(self.root), "")

    def _forget_abandoned_uploads(self) -> None:
        for path in self.incoming.iterdir():
            try:
                if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
            except OSError:  # another process of the service was faster
                continue


def safe_filename(given: str, driver: str) -> str:
    """Make a plain name out of what a client says, with the ending that goes with the content.

    >>> safe_filename("../../etc/My scene VV.vrt", "GTiff")
    'My_scene_VV.tif'
    """
    last = re.split(r"[/\\]", given)[-1]
    stem = _UNSAFE.sub("_", last.rpartition(".")[0] or last).strip("._-")[:100]
    return (stem or "scene") + _SUFFIXES[driver]
