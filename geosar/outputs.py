"""The files that a translation writes: their names, and the checks before any work is done."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from geosar.errors import TargetError, TargetExistsError
from geosar.publish import published
from geosar.scene.source import resolve

OutputOption = bool | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Targets:
    """Absolute paths of the outputs; None where one was not asked for."""

    image: Path
    error_band: Path | None
    despeckled: Path | None
    quicklook: Path | None
    stac: Path | None

    def all(self) -> tuple[Path, ...]:
        """Every path that will be written."""
        paths = (self.image, self.error_band, self.despeckled, self.quicklook, self.stac)
        return tuple(path for path in paths if path is not None)


def plan_targets(
    source: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    destination: str | os.PathLike[str],
    error_band: OutputOption = False,
    quicklook: OutputOption = False,
    stac: OutputOption = False,
    *,
    despeckled: OutputOption = False,
    overwrite: bool = False,
) -> Targets:
    """Name every output and refuse what would end badly.

    Raises TargetExistsError when an output exists and `overwrite` is False, TargetError when an output is the
    source itself (also through a link) or lies in it, is a folder, has no folder to lie in, or equals another.
    """
    image = Path(destination).expanduser().absolute()
    targets = Targets(
        image,
        _beside(image, error_band, ".error.tif"),
        _beside(image, despeckled, ".despeckled.tif"),
        _beside(image, quicklook, ".png"),
        _beside(image, stac, ".json"),
    )
    paths = targets.all()
    if len(set(paths)) != len(paths):
        raise TargetError(f"two outputs would have the same name: {', '.join(map(str, paths))}. Name them apart.")
    sources = _local_paths(source)
    for path in paths:
        for one in sources:
            if _is_or_is_in(path, one):
                raise TargetError(f"the output {path} is, or lies in, the source {one}. Choose another name.")
        if path.is_dir():
            raise TargetError(f"the output {path} is a folder, expected the name of a file in it.")
        if not path.parent.is_dir():
            raise TargetError(f"the folder {path.parent} for the output does not exist. Create it first.")
        if not os.access(path.parent, os.W_OK):
            raise TargetError(f"the folder {path.parent} cannot be written to. Choose another one.")
        if path.exists() and not overwrite:
            raise TargetExistsError(f"{path} exists already. Choose another name, or --overwrite it.")
    return targets


def check_apart(targets: Targets, opened: Iterable[Path]) -> None:
    """Refuse outputs that are files which were opened to be read, by whatever name or link.

    Raises TargetError; call it when everything is open, and before anything is written.
    """
    known = {}
    for path in opened:
        with suppress(OSError):  # it was removed meanwhile, and its name may be used
            known[_place(path)] = path
    for path in targets.all():
        with suppress(FileNotFoundError):
            if (source := known.get(_place(path))) is not None:
                raise TargetError(f"the output {path} is {source}, which is read. Choose another name.")


def files_of(match: str | os.PathLike[str] | None, model: Path) -> tuple[Path, ...]:
    """Return the local files of the image whose tone is matched, and of a model's folder; raises as `resolve` does."""
    return (*(() if match is None else resolve(match).read), *(path for path in model.glob("*") if path.is_file()))


def _place(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _beside(image: Path, option: OutputOption, suffix: str) -> Path | None:
    if option is False:
        return None
    if option is True:
        return image.with_name(image.stem + suffix)
    return Path(option).expanduser().absolute()


def _local_paths(source: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]) -> list[Path]:
    sources = source.values() if isinstance(source, Mapping) else (source,)
    paths = (_local_path(one) for one in sources)
    return [path for path in paths if path.exists()]


def _local_path(source: str | os.PathLike[str]) -> Path:
    """Return the file or the folder of a product that a source names; of a server's, one that does not exist."""
    text = os.fspath(source)
    path = Path(unquote(urlsplit(text).path) if text.lower().startswith("file:") else text).expanduser()
    return path.absolute().parent if path.name.lower() == "manifest.safe" else path


def _is_or_is_in(path: Path, source: Path) -> bool:
    if path.exists() and path.samefile(source):
        return True
    return source.is_dir() and path.resolve().is_relative_to(source.resolve())


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON, of which nobody ever sees a half."""
    try:
        with published(path) as part:
            part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TargetError(f"{path} cannot be written: {error.strerror}. Is the disk full?") from error
