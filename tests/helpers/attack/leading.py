"""Rasters that lead GDAL or PROJ away from themselves: one way after another, each made of a harmless raster."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil

from helpers.attack.bait import Bait
from helpers.rasters import TEN_METRES, UTM, write_raster

SIDE = 600
"""Pixels: so many that GDAL looks for overviews when it reads an overview."""
PIXEL = 33
"""What each pixel of these rasters holds."""

Make = Callable[[Path, Bait], Path]


@dataclass(frozen=True)
class Way:
    """How a raster of a driver leads away, and whether it is then refused, or read without what it leads to."""

    name: str
    driver: str
    make: Make
    refused: bool = True

    def __str__(self) -> str:
        return f"{self.driver}: {self.name}"


def plain(path: Path, driver: str, **options: Any) -> Path:
    """Write a harmless raster."""
    return write_raster(path, np.full((1, SIDE, SIDE), PIXEL, np.uint8), driver=driver, **options)


def _grid_crs(bait: Bait) -> str:
    """Return a CRS whose datum shift is in the bait."""
    return (
        'PROJCS["x",GEOGCS["g",DATUM["d",SPHEROID["WGS 84",6378137,298.257223563],'
        f'EXTENSION["PROJ4_GRIDS","{bait.raster}"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
        'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",75],'
        'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
        'UNIT["metre",1]]'
    )


def _overview_file(text: Callable[[Bait], str]) -> Make:
    def make(folder: Path, bait: Bait) -> Path:
        path = plain(folder / "scene.tif", "GTiff")
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=text(bait))
        return path

    return make


def _neighbour(driver: str, name: str, suffix: str) -> Make:
    """Lay a virtual raster beside it, under the name of its overviews or its mask."""

    def make(folder: Path, bait: Bait) -> Path:
        path = plain(folder / name, driver)
        path.with_name(path.name + suffix).write_text(bait.vrt)
        return path

    return make


def _beside_metadata(driver: str, name: str, words: Callable[[Bait], str]) -> Make:
    def make(folder: Path, bait: Bait) -> Path:
        path = plain(folder / name, driver)
        path.with_name(path.name + ".aux.xml").write_text(f"<PAMDataset>{words(bait)}</PAMDataset>")
        return path

    return make


def _pam_overviews(bait: Bait) -> str:
    return f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{bait.raster}</MDI></Metadata>'


def _pam_crs(bait: Bait) -> str:
    return f"<SRS>{_grid_crs(bait)}</SRS><GeoTransform>600000,10,0,1200000,0,-10</GeoTransform>"


def _crs(driver: str, name: str, **options: Any) -> Make:
    return lambda folder, bait: plain(folder / name, driver, crs=_grid_crs(bait), **options)


def _geolocation(folder: Path, bait: Bait) -> Path:
    path = plain(folder / "scene.tif", "GTiff", transform=None)
    with rasterio.open(path, "r+") as dataset:
        arrays = {f"{axis}_{key}": value for axis in "XY" for key, value in (("DATASET", bait.raster), ("BAND", "1"))}
        counts = {f"{axis}_{key}": f"{key == 'STEP':d}" for axis in ("PIXEL", "LINE") for key in ("OFFSET", "STEP")}
        dataset.update_tags(ns="GEOLOCATION", SRS="EPSG:4326", **arrays, **counts)
    return path


def _jp2_metadata(folder: Path, bait: Bait) -> Path:
    source = _overview_file(lambda bait: str(bait.raster))(folder, bait)
    path = folder / "scene.jp2"
    with rasterio.open(source, OVERVIEW_LEVEL="NONE") as dataset:
        values, tags = dataset.read(), dataset.tags(ns="OVERVIEWS")
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="uint8", crs=UTM, transform=TEN_METRES
        ) as flat:
            flat.write(values)
            flat.update_tags(ns="OVERVIEWS", **tags)
        rasterio.shutil.copy(memory.name, path, driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES",
                             WRITE_METADATA="YES")  # fmt: skip
    bait.lay()
    return path


def _jp2_place(folder: Path, bait: Bait) -> Path:
    path = plain(folder / "scene.jp2", "JP2OpenJPEG", crs=None, transform=None, QUALITY=100, REVERSIBLE="YES")
    tiff = plain(folder / "place.tif", "GTiff", crs=_grid_crs(bait), GEOTIFF_KEYS_FLAVOR="ESRI_PE").read_bytes()
    box = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + tiff
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", len(box) + 8, b"uuid") + box)
    return path


def _erdas_file(extension: bytes, **options: Any) -> Make:
    """Have an Erdas Imagine file name the bait as the file of its pixels or its overviews."""

    def make(folder: Path, bait: Bait) -> Path:
        # Of the name of overviews GDAL leaves out the folder, so that they are to be found beside it.
        away = b"../" + bait.folder.name.encode() + b"/bait.tif"
        (folder / bait.raster.name).hardlink_to(bait.raster)
        stem = "s" * (len(away) - len(extension))
        path = plain(folder / f"{stem}.img", "HFA", **options)
        if extension == b".rrd":
            with rasterio.Env(HFA_USE_RRD="YES"), rasterio.open(path, "r+") as dataset:
                dataset.build_overviews([2, 4])
        content = path.read_bytes()
        assert stem.encode() + extension in content
        path.write_bytes(content.replace(stem.encode() + extension, away))
        return path

    return make


def _envi_crs(folder: Path, bait: Bait) -> Path:
    path = plain(folder / "scene.dat", "ENVI")
    header = path.with_suffix(".hdr")
    lines = [line for line in header.read_text().splitlines() if not line.startswith("coordinate")]
    header.write_text("\n".join([*lines, f"coordinate system string = {{{_grid_crs(bait)}}}"]) + "\n")
    return path


FORMATS = (("GTiff", "scene.tif"), ("PNG", "scene.png"), ("JPEG", "scene.jpg"), ("JP2OpenJPEG", "scene.jp2"),
           ("HFA", "scene.img"), ("ENVI", "scene.dat"))  # fmt: skip

WAYS = (
    Way("a tag names overviews by a path", "GTiff", _overview_file(lambda bait: str(bait.raster))),
    Way("a tag names overviews by a virtual raster", "GTiff", _overview_file(lambda bait: bait.vrt)),
    Way("a tag names overviews by a URL", "GTiff", _overview_file(lambda b: f"/vsicurl/{b.address}/bait.tif")),
    Way("a tag names overviews in a zip", "GTiff", _overview_file(lambda b: f"/vsizip/{b.folder}/bait.zip/bait.tif")),
    Way("a tag names overviews beside it", "GTiff", _overview_file(lambda _: ":::BASE:::../bait/bait.tif")),
    Way("tags name coordinates of each pixel", "GTiff", _geolocation),
    Way("the CRS names a grid", "GTiff", _crs("GTiff", "scene.tif", GEOTIFF_KEYS_FLAVOR="ESRI_PE")),
    Way("the CRS names a grid, in a BigTIFF", "GTiff",
        _crs("GTiff", "scene.tif", GEOTIFF_KEYS_FLAVOR="ESRI_PE", BIGTIFF="YES", ENDIANNESS="BIG")),
    Way("a box of metadata names overviews", "JP2OpenJPEG", _jp2_metadata),
    Way("the CRS in a box names a grid", "JP2OpenJPEG", _jp2_place),
    Way("the CRS names a grid", "HFA", _crs("HFA", "scene.img")),
    Way("it names the file of its pixels", "HFA", _erdas_file(b".ige", USE_SPILL="YES")),
    Way("it names the file of its overviews", "HFA", _erdas_file(b".rrd"), refused=False),
    Way("the CRS in the header names a grid", "ENVI", _envi_crs),
    *(Way("overviews lie beside it", driver, _neighbour(driver, name, ".ovr"), refused=False)
      for driver, name in FORMATS),
    *(Way("a mask lies beside it", driver, _neighbour(driver, name, ".msk"), refused=False)
      for driver, name in FORMATS),
    *(Way("metadata beside it name overviews", driver, _beside_metadata(driver, name, _pam_overviews),
          refused=driver not in {"HFA", "ENVI"}) for driver, name in FORMATS),
    *(Way("metadata beside it name a grid", driver, _beside_metadata(driver, name, _pam_crs),
          refused=driver not in {"HFA", "ENVI"}) for driver, name in FORMATS),
)  # fmt: skip
