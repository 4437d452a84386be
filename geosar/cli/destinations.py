"""Where the results of the inputs go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import click

from geosar.errors import without_secrets

SUFFIX = "_optical.tif"
_TIFF = frozenset({".tif", ".tiff", ""})
_SOURCES = frozenset({
    ".zip", ".safe", ".tif", ".tiff", ".vrt", ".img", ".jp2", ".png", ".jpg", ".jpeg", ".gz", ".dim", ".hdr", ".data",
})  # fmt: skip
"""Ends of names that the result's name is made without."""
_PICTURES = frozenset({
    ".png", ".jpg", ".jpeg", ".jp2", ".webp", ".gif", ".bmp", ".pdf", ".img", ".vrt", ".nc", ".zip", ".json", ".html",
})  # fmt: skip
"""Ends of names that say another format; one that is unknown, as in result.v2, says none."""


@dataclass(frozen=True, slots=True)
class Task:
    """One input and its destination; `files` maps polarisations to files, where they were given apart."""

    source: str
    destination: Path
    files: tuple[tuple[str, str], ...] = ()


def plan_tasks(sources: Sequence[str], files: dict[str, str], output: str | None) -> list[Task]:
    """Give every input its destination; raises click.UsageError where that cannot be done."""
    if bool(sources) == bool(files):
        raise click.UsageError("give scenes, or the files of one scene by polarisation (--pol VV=... --pol VH=...)")
    names = list(sources) or [next(iter(files.values()))]
    _refuse_other_formats(output, len(names))
    folder = None
    if output is not None and (output.endswith(("/", "\\")) or Path(output).is_dir() or len(names) > 1):
        folder = Path(output)
        if folder.exists() and not folder.is_dir():
            raise click.UsageError(f"{output} is a file, but {len(names)} scenes need a folder: -o folder/")
    tasks = []
    for name in names:
        if folder is not None:
            destination = folder / (_stem(name) + SUFFIX)
        elif output is not None:
            destination = Path(output)
        elif _is_remote(name):
            raise click.UsageError(
                f"{without_secrets(name)} is not on this machine, so say where to write: -o FILE or -o FOLDER/"
            )
        else:
            destination = _product(Path(name)).parent / (_stem(name) + SUFFIX)
        tasks.append(Task(name, destination, tuple(files.items())))
    _refuse_collisions(tasks)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return tasks


def _refuse_collisions(tasks: Sequence[Task]) -> None:
    seen: dict[Path, str] = {}
    for task in tasks:
        key = task.destination.absolute()
        if key in seen:
            raise click.UsageError(f"{seen[key]} and {task.source} would both be {task.destination}; run them apart")
        seen[key] = task.source


def _refuse_other_formats(output: str | None, scenes: int) -> None:
    """Refuse a name that says another format than is written, and that of a file for several scenes."""
    if output is None or output.endswith(("/", "\\")) or Path(output).is_dir():
        return
    suffix = Path(output).suffix.lower()
    if scenes > 1 and suffix in _TIFF - {""}:
        raise click.UsageError(f"{output} is the name of one file, but {scenes} scenes need a folder: -o folder/")
    if scenes == 1 and suffix not in _TIFF and suffix in _PICTURES:
        instead = Path(output).with_suffix(".tif")
        raise click.UsageError(
            f"{output} would be no {suffix[1:].upper()}: the result is a GeoTIFF. Write -o {instead}, and --quicklook "
            "for a picture beside it"
        )


def _product(path: Path) -> Path:
    """Return the folder of a product whose manifest was given, else the path as it is."""
    return path.absolute().parent if path.name.lower() == "manifest.safe" else path


def _is_remote(name: str) -> bool:
    return "://" in name or name.startswith("/vsi")


def _stem(name: str) -> str:
    path = PurePosixPath(urlsplit(name).path if "://" in name else _product(Path(name)))
    while path.suffix.lower() in _SOURCES:
        path = path.with_suffix("")
    return path.name or "scene"
