"""Finding, checking and opening a packaged model: by its name, its folder, a zip of it, or an https URL."""

import hashlib
import os
import shutil
import stat
import tempfile
import unicodedata
import urllib.parse
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from geosar.errors import GeosarError, ModelChecksumError, ModelFormatError, ModelNotFoundError
from geosar.models.download import download
from geosar.models.manifest import ModelManifest, Role, read_manifest
from geosar.models.networks import check_network
from geosar.scene.files import zips
from geosar.vocabulary import DEFAULT_MODEL

PACKAGED = Path(__file__).parents[1] / "packaged"
MAXIMUM_BYTES = 512 * 2**20
"""No model is larger than this: neither a download, nor what a zip unpacks to."""

_ALLOWED = frozenset({".json", ".xml", ".bin", ".onnx", ".safetensors", ".md", ".txt"})
_PICKLES = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".keras", ".joblib"})
_CHUNK = 2**20
_MOST_CARD = 2**20


@dataclass(frozen=True)
class Model:
    """A packaged model on disk whose files have the checksums that its manifest declares."""

    folder: Path
    manifest: ModelManifest

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the manifest, which holds those of all files: names the model exactly."""
        return sha256(self.folder / "manifest.json")

    @property
    def card(self) -> str | None:
        """The model card, without what would drive a terminal, and cut off where it is long; None without one."""
        path = self.folder / "MODEL_CARD.md"
        if not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(_MOST_CARD).decode("utf-8", "replace")
        return printable(text)

    @property
    def label(self) -> str:
        """Name and version, as in ``s1-rgb 1.0``."""
        return f"{self.manifest.name} {self.manifest.version}"

    def file(self, role: Role) -> Path:
        """Path of the file for this role; raises ModelFormatError when the model has none."""
        spec = self.manifest.files.get(role)
        if spec is None:
            raise ModelFormatError(
                f"the model {self.label} has no {role} file, only {', '.join(sorted(self.manifest.files))}. "
                "Choose a precision that it has.",
            )
        return self.folder / spec.path


def list_models() -> tuple[str, ...]:
    """Names of the models that ship with geosar, sorted."""
    if not PACKAGED.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in PACKAGED.glob("*/manifest.json")))


def load_model(reference: str | os.PathLike[str] = DEFAULT_MODEL) -> Model:
    """Open a model by name, folder, zip or https URL, and check its files against their checksums.

    Raises ModelNotFoundError when there is none, ModelFormatError when it is a pickle or its manifest is
    not valid, ModelChecksumError when a file is not the one that the manifest declares.
    """
    text = os.fspath(reference)
    if "://" in text:
        return load_model(_downloaded(text))
    if isinstance(reference, str) and text in list_models():
        return _checked(PACKAGED / text)
    path = Path(text).expanduser()
    if path.is_dir():
        return _checked(path)
    if not path.is_file():
        known = ", ".join(list_models()) or "none"
        raise ModelNotFoundError(
            f"no model {text!r}: it is not the name of a built-in model (there are: {known}), nor a folder or zip "
            "on this machine. Run `geosar models` for the names, or give the path or https URL of a packaged model.",
        )
    _refuse_pickle(path)
    if not _is_zip(path):
        raise ModelFormatError(
            f"{path} is not a packaged model. Expected a folder, or a zip of one, that holds a manifest.json.",
        )
    return _checked(_unpacked(path))


def unpack_model(archive: Path, folder: Path) -> Model:
    """Unpack the zip of a model into an empty `folder`, and check it as `load_model` does; raises the same errors."""
    _refuse_pickle(archive)
    if not _is_zip(archive):
        raise ModelFormatError(f"{archive} is no zip. Expected a zip of a packaged model's folder.")
    _extract(archive, folder)
    return _checked(folder)


def unpacked_bytes(archive: Path) -> int:
    """Say how many bytes the files in a zip have; raises ModelFormatError for one that cannot be read."""
    try:
        with zips.opened(archive) as opened:
            return sum(member.file_size for member in opened.infolist())
    except zips.UNREADABLE as error:
        raise _damaged(archive, error) from error


def printable(text: str) -> str:
    r"""Return a stranger's text without control characters, which would drive a terminal, but for ends of lines.

    >>> printable("\x1b[2Jhello\n")
    '[2Jhello\n'
    """
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) != "Cc")


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _checked(folder: Path) -> Model:
    manifest = read_manifest(folder / "manifest.json")
    for spec in manifest.files.values():
        for name, expected in spec.parts():
            path = folder / name
            if not path.is_file():
                raise ModelFormatError(
                    f"the model {folder} lacks {name}, which its manifest names. Get the model again, whole.",
                )
            _refuse_pickle(path)
            if (digest := sha256(path)) != expected:
                raise ModelChecksumError(
                    f"{path} has the SHA-256 {digest[:12]}…, expected {expected[:12]}…: it is damaged or was changed. "
                    "Get the model again, or package it anew if you changed it yourself.",
                )
        check_network(folder, spec)
    return Model(folder, manifest)


def _refuse_pickle(path: Path) -> None:
    """Loading a pickle runs what is in it, so none is opened, whatever its name."""
    if not _looks_pickled(path):
        return
    raise ModelFormatError(
        f"{path} is a pickled checkpoint, which can run any code when it is opened; geosar opens none. "
        "Export it to a packaged model (`geosar-train export`): a manifest.json with OpenVINO, ONNX or "
        "safetensors files.",
    )


def _looks_pickled(path: Path) -> bool:
    if path.suffix.lower() in _PICKLES:
        return True
    with path.open("rb") as file:
        head = file.read(2)
    # Protocols 2 to 5 begin with 0x80 and the protocol's number.
    if len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    if not _is_zip(path):
        return False
    try:
        with zips.opened(path) as archive:
            return any(PurePosixPath(name).suffix.lower() in _PICKLES for name in archive.namelist())
    except zips.UNREADABLE as error:
        raise _damaged(path, error) from error


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zips.UNREADABLE:
        return False


def _damaged(path: Path, error: Exception) -> ModelFormatError:
    return ModelFormatError(f"{path} is a damaged zip ({error}). Get it again.")


def _cache() -> Path:
    base = os.environ.get("GEOSAR_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "geosar" / "models"


def _downloaded(url: str) -> Path:
    if PurePosixPath(urllib.parse.urlsplit(url).path).suffix.lower() in _PICKLES:
        raise ModelFormatError(f"{url} names a pickled checkpoint; geosar opens none. Give a zip of a packaged model.")
    target = _cache() / "downloads" / f"{hashlib.sha256(url.encode()).hexdigest()}.zip"
    if not target.is_file():
        download(url, target, MAXIMUM_BYTES)
    return target


def _unpacked(archive: Path) -> Path:
    """Unpack a zip once, into a folder of the cache that is named after the zip's content."""
    folder = _cache() / sha256(archive)
    if not (folder / "manifest.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _extract(archive, fresh)
            if folder.exists():  # left by a run that was killed
                shutil.rmtree(folder, ignore_errors=True)
            fresh.replace(folder)
        except OSError:
            # Another process may have been faster, which is as good.
            if not (folder / "manifest.json").is_file():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    """Take the manifest and the files beside it; anything else, or too much of it, is refused."""
    try:
        with zips.opened(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            roots = {PurePosixPath(m.filename).parent for m in members if m.filename.endswith("manifest.json")}
            if len(roots) != 1:
                raise ModelFormatError(f"{archive} holds {len(roots)} files called manifest.json, expected one.")
            (root,) = roots
            if (total := sum(member.file_size for member in members)) > MAXIMUM_BYTES:
                raise ModelFormatError(
                    f"{archive} unpacks to {total / 1e6:.0f} MB, more than the limit of {MAXIMUM_BYTES / 1e6:.0f} MB.",
                )
            for member in members:
                path = PurePosixPath(member.filename)
                link = stat.S_ISLNK(member.external_attr >> 16)
                if path.parent != root or path.suffix.lower() not in _ALLOWED or link:
                    raise ModelFormatError(
                        f"{archive} holds {member.filename!r}. Expected manifest.json and, beside it, only files "
                        f"that end in {', '.join(sorted(_ALLOWED))}.",
                    )
                with opened.open(member) as source, (folder / path.name).open("wb") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
    except GeosarError:
        raise
    except zips.UNREADABLE as error:
        raise _damaged(archive, error) from error
