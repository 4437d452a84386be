"""Where the files lie: a local folder with one folder for each scene and each job."""

import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from geosar_tiler.state import locks
from geosar_tiler.words import without_folders

RESERVE_BYTES = 8 * 2**20
LEAST_SPARE = 4 * RESERVE_BYTES
"""Nothing is held back of a disk that has less."""
PROMISE = "promise"
"""Name of a file without content beside what comes in, as long as what is still to come."""
_LIVE = "live-blocks"
_JOB = "job-"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SUFFIXES = {"GTiff": ".tif", "PNG": ".png", "JPEG": ".jpg", "SAFE": ".zip"}


class Store:
    """Knows every path. Identifiers are made here or come from the database, never from a request as they are."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        for folder in (self.incoming, self.uploads, self.scenes, self.jobs, self.models, self.removed):
            folder.mkdir(parents=True, exist_ok=True)
        self.keep_reserve()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Change files and rows together: one at a time, of all threads and processes that share the store."""
        with locks.exclusive(self.root / "lock"):
            yield

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

    @property
    def uploads(self) -> Path:
        """Folder of the files that come in parts."""
        return self.root / "uploads"

    @property
    def scenes(self) -> Path:
        """Folder of the scenes, one folder for each."""
        return self.root / "scenes"

    @property
    def jobs(self) -> Path:
        """Folder of the jobs, one folder for each."""
        return self.root / "jobs"

    @property
    def models(self) -> Path:
        """Folder of the models that were sent, one folder for each, called as the model is."""
        return self.root / "models"

    @property
    def removed(self) -> Path:
        """Folder of the scenes whose removal has begun, and whose rows may still be there."""
        return self.root / "removed"

    @contextmanager
    def upload(self) -> Iterator[Path]:
        """Return a fresh folder for what comes in; whatever was not moved away is removed with it."""
        while (lock := locks.hold(folder := self._fresh())) is None:
            pass
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def _fresh(self) -> Path:
        folder = self.incoming / uuid.uuid4().hex
        folder.mkdir()
        return folder

    def resumable(self, upload_id: str) -> Path:
        """Return the path of a file that comes in parts."""
        return self.uploads / upload_id

    def scene(self, scene_id: str) -> Path:
        """Folder of a scene."""
        return self.scenes / scene_id

    def source(self, scene_id: str, filename: str) -> Path:
        """Return the path of an uploaded scene; it lies alone in its folder, so that GDAL finds no file beside it."""
        return self.scene(scene_id) / "source" / filename

    def display(self, scene_id: str, reading: int = 0) -> Path:
        """Return the path of the copy that SAR tiles are made from, of the scene as it was read so often anew."""
        return self.scene(scene_id) / _of_reading("sar", reading)

    def job(self, job_id: str) -> Path:
        """Folder of a job's results."""
        return self.jobs / job_id

    def reference(self, scene_id: str) -> Path:
        """Return the path of the copy that tiles of the true optical image are made from."""
        return self.scene(scene_id) / "reference.tif"

    def reference_source(self, scene_id: str, filename: str) -> Path:
        """Return the path of the true optical image as it was sent."""
        return self.scene(scene_id) / "reference" / filename

    def overview(self, scene_id: str, reading: int = 0) -> Path:
        """Return the path of the overview that is shown until the copy for SAR tiles is ready."""
        return self.scene(scene_id) / _of_reading("overview", reading)

    def live_blocks(self, scene_id: str) -> Path:
        """Folder of a scene's blocks that were translated live."""
        return self.scene(scene_id) / _LIVE

    def all_live_blocks(self) -> Iterator[Path]:
        """Return the file of each block that was translated live, of all scenes."""
        return self.root.glob(f"scenes/*/{_LIVE}/*/*")

    def place_scene(self, scene_id: str, folder: Path) -> None:
        """Move the folder with a scene's complete files to where it belongs; what is there already goes.

        Call it `exclusively`, when the scene has no row.
        """
        for left in (self.scene(scene_id), self.removed / scene_id):
            self.discard(left)
        self.scene(scene_id).mkdir()
        folder.replace(self.scene(scene_id) / "source")

    @staticmethod
    def place(upload: Path, target: Path) -> None:
        """Move a complete file to where it belongs."""
        target.parent.mkdir(parents=True, exist_ok=True)
        upload.replace(target)

    def withdraw_scene(self, scene_id: str, jobs: Iterable[str]) -> None:
        """Begin to remove a scene with the results of its jobs, `exclusively`; that is finished however it is stopped.

        The files leave their place at once, by names alone, which a full disk has space for.
        """
        withdrawn = self.removed / scene_id
        if self.scene(scene_id).exists():
            self.discard(withdrawn)
            self.scene(scene_id).replace(withdrawn)
        else:
            withdrawn.mkdir(exist_ok=True)
        for job_id in jobs:
            if self.job(job_id).exists():
                self.job(job_id).replace(withdrawn / f"{_JOB}{job_id}")

    def restore_scene(self, scene_id: str) -> None:
        """Undo `withdraw_scene`: the rows could not be removed."""
        withdrawn = self.removed / scene_id
        for folder in withdrawn.glob(f"{_JOB}*"):
            folder.replace(self.job(folder.name.removeprefix(_JOB)))
        withdrawn.replace(self.scene(scene_id))

    def empty_removed(self, scene_id: str) -> None:
        """Free the disk of a scene whose removal has begun; that it has begun is still known."""
        for path in (self.removed / scene_id).iterdir():
            _remove(path)

    def discard(self, path: Path) -> None:
        """Remove a file or folder, which leaves its place at once, so that no half of it is found."""
        aside = self.incoming / uuid.uuid4().hex
        try:
            path.replace(aside)
        except FileNotFoundError:
            return
        _remove(aside)

    def remove_job(self, job_id: str) -> None:
        """Free the disk of a job's results."""
        shutil.rmtree(self.job(job_id), ignore_errors=True)

    def promised_bytes(self) -> int:
        """Sum of what is still to come of bodies whose length is known."""
        total = 0
        for path in self.incoming.glob(f"*/{PROMISE}"):
            with suppress(OSError):  # it has come
                total += path.stat().st_size
        return total

    def used_bytes(self) -> int:
        """Sum of the sizes of all files but live blocks, which have a limit of their own and can be made again."""
        total = 0
        for folder, within, names in os.walk(self.root):
            within[:] = [name for name in within if name != _LIVE]
            for name in names:
                if name == PROMISE or (name == "reserve" and folder == str(self.root)):
                    continue
                with suppress(OSError):  # removed while we looked
                    total += Path(folder, name).stat().st_size
        return total

    def free_bytes(self) -> int:
        """What the disk has left."""
        return shutil.disk_usage(self.root).free

    def scrub(self, message: str) -> str:
        """Take folders, those of the store above all, out of a message that goes to a client."""
        message = re.sub(re.escape(str(self.root)) + r"(?:/[^/\s,:;'\"]+)*/", "", message)
        return without_folders(message.replace(str(self.root), ""))


def _of_reading(name: str, reading: int) -> str:
    return f"{name}-{reading}.tif" if reading else f"{name}.tif"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def safe_filename(name: str, driver: str) -> str:
    """Make a plain name out of what a client says, with the ending that goes with the content.

    >>> safe_filename("../../etc/My scene VV.vrt", "GTiff")
    'My_scene_VV.tif'
    """
    last = re.split(r"[/\\]", name)[-1]
    stem = _UNSAFE.sub("_", last.rpartition(".")[0] or last).strip("._-")[:100]
    return (stem or "scene") + _SUFFIXES[driver]
