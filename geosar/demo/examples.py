"""The six example patches of BigEarthNet: real Sentinel-1 beside real Sentinel-2, to try things with.

They come inside the package ``bigearthnet-common`` (Sumbul et al. 2021; modified Copernicus Sentinel data): 120 x 120
pixels of 10 m, Sentinel-1 VV and VH in decibel, Sentinel-2 level 2A, each band a GeoTIFF.
"""

import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from geosar.errors import SceneNotFoundError

_PACKAGE = "bigearthnet_common"
_SENTINEL_1 = "BigEarthNet-S1-Example.tar.bz2"
_SENTINEL_2 = "BigEarthNet-S2-Example.tar.bz2"


@dataclass(frozen=True, slots=True)
class ExamplePair:
    """One place: `sar` by polarisation, and the true `optical` as red, green and blue, one file each."""

    name: str
    sar: dict[str, Path]
    optical: tuple[Path, Path, Path]


def unpack_examples(folder: Path, wheel: Path | None = None) -> tuple[ExamplePair, ...]:
    """Write the patches into `folder` and pair them up, sorted by name.

    They are taken from `wheel`, a downloaded ``bigearthnet_common`` wheel, or else from the installed package.
    Raises SceneNotFoundError when there is neither.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sentinel_1 = _unpack(_archive(_SENTINEL_1, wheel), folder, ("_VV.tif", "_VH.tif"))
    sentinel_2 = _unpack(_archive(_SENTINEL_2, wheel), folder, ("_B04.tif", "_B03.tif", "_B02.tif"))
    pairs = []
    for name, patch in sorted(sentinel_1.items()):
        vv, vh = patch.files
        red, green, blue = sentinel_2[patch.partner].files
        # "…_33UUP_87_48": the tile of the military grid, and the patch's column and row in it.
        place = "_".join(name.split("_")[-3:])
        pairs.append(ExamplePair(place, {"VV": vv, "VH": vh}, (red, green, blue)))
    return tuple(sorted(pairs, key=lambda pair: pair.name))


@dataclass(frozen=True, slots=True)
class _Patch:
    files: tuple[Path, ...]
    partner: str


def _archive(name: str, wheel: Path | None) -> bytes:
    if wheel is not None:
        try:
            with zipfile.ZipFile(wheel) as opened:
                return opened.read(f"{_PACKAGE}/{name}")
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise SceneNotFoundError(
                f"{wheel} holds no {name} ({error}); expected a wheel of bigearthnet-common. Get it with "
                "`pip download --no-deps bigearthnet-common`.",
            ) from error
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SceneNotFoundError(
            "the example patches come with the package bigearthnet-common, which is not installed. "
            "Get it with `pip install --no-deps bigearthnet-common`.",
        )
    return (Path(spec.submodule_search_locations[0]) / name).read_bytes()


def _unpack(archive: bytes, folder: Path, endings: tuple[str, ...]) -> dict[str, _Patch]:
    """Write the wanted bands flat into `folder`; whatever paths the archive names, nothing goes elsewhere."""
    members: dict[str, dict[str, Path]] = {}
    partners: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:bz2") as opened:
        for member in opened:
            file = opened.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            path = PurePosixPath(member.name)
            patch = path.parent.name
            if path.name.endswith("_labels_metadata.json"):
                partners[patch] = json.load(file).get("corresponding_s2_patch", "")
            for ending in endings:
                if path.name.endswith(ending):
                    target = folder / path.name
                    target.write_bytes(file.read())
                    members.setdefault(patch, {})[ending] = target
    return {
        patch: _Patch(tuple(files[ending] for ending in endings), partners.get(patch, ""))
        for patch, files in members.items()
    }
