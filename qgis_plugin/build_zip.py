"""Builds the zip of the plugin: `python qgis_plugin/build_zip.py [--out dist]`; needs nothing but Python."""

from __future__ import annotations

import argparse
import configparser
import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = "geosar_qgis"
KEPT = {".py", ".svg", ".txt", ".json", ".md", ""}
MOST_BYTES = 1_000_000
NEEDED = (
    "name", "qgisMinimumVersion", "description", "about", "version", "author", "email", "repository", "tracker",
    "changelog", "tags", "icon",
)  # fmt: skip
DATE = (2020, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same sources make the same bytes."""


def metadata(folder: Path) -> dict[str, str]:
    """Read metadata.txt; raises ValueError when something is missing that the plugin repository asks for."""
    parser = configparser.ConfigParser(interpolation=None)
    setattr(parser, "optionxform", str)  # noqa: B010 - names of entries keep their capitals
    parser.read(folder / "metadata.txt", encoding="utf-8")
    entries = dict(parser["general"])
    missing = [key for key in NEEDED if not entries.get(key)]
    if missing:
        raise ValueError(f"metadata.txt lacks {', '.join(missing)}.")
    if not re.fullmatch(r"\d+\.\d+\.\d+", entries["version"]):
        raise ValueError(f"metadata.txt has the version {entries['version']!r}; expected three numbers.")
    if not (folder / entries["icon"]).is_file() or not (folder / "LICENSE").is_file():
        raise ValueError("the icon or the file LICENSE is missing.")
    return entries


def members(folder: Path) -> list[Path]:
    """Return the files that go into the zip; raises ValueError for one of a kind that does not belong there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    strange = [path.name for path in files if path.suffix not in KEPT or path.name.startswith(".")]
    if strange:
        raise ValueError(f"these do not belong into the plugin: {', '.join(strange)}.")
    return files


def build(out: Path) -> Path:
    """Write the zip into a folder; returns its path. Raises ValueError."""
    folder = HERE / NAME
    version = metadata(folder)["version"]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}-{version}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in members(folder):
            entry = zipfile.ZipInfo(file.relative_to(HERE).as_posix(), DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes; at most {MOST_BYTES} were meant.")
    return path


def main() -> int:
    """Build, and say where the zip is and how to install it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder of the zip")
    try:
        path = build(parser.parse_args().out)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(
        f"{path} ({path.stat().st_size / 1e3:.0f} kB). In QGIS: Plugins, Manage and Install, Install from ZIP.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
