"""What holds rasters and is none itself, and formats that are named with the way out of them."""

import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosar.errors import SceneReadError
from geosar.scene import open_scene
from geosar.scene.source import resolve
from helpers.rasters import speckled

POWER = speckled((2, 40, 50))


def write_envi(folder: Path, name: str, values: np.ndarray, band: bytes = b"") -> Path:
    folder.mkdir(exist_ok=True)
    values.astype("<f4").tofile(folder / f"{name}.img")
    (folder / f"{name}.hdr").write_bytes(
        b"ENVI\nsamples = 50\nlines = 40\nbands = 1\nheader offset = 0\nfile type = ENVI Standard\ndata type = 4\n"
        b"interleave = bsq\nbyte order = 0\nband names = { " + (band or name.encode()) + b" }\n"
    )
    return folder / f"{name}.img"


def test_a_gzip_of_a_tiff_is_read_and_leaves_nothing_beside_it(make_raster: Any, tmp_path: Path) -> None:
    packed = tmp_path / "packed" / "scene_VV.tif.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(make_raster("scene_VV.tif", POWER[:1]).read_bytes()))
    with open_scene(packed) as scene:
        assert (scene.name, scene.polarisations) == ("scene_VV", ("VV",))
        assert (scene.read(scene.grid.window).values == POWER[:1]).all()
    assert list(packed.parent.iterdir()) == [packed]


def test_a_zip_of_one_tiff_or_of_a_pair_is_a_scene(make_raster: Any, tmp_path: Path) -> None:
    files = [make_raster(f"S1.{name}.tif", POWER[place : place + 1]) for place, name in enumerate(("VV", "VH"))]
    for count in (1, 2):
        path = tmp_path / f"download{count}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files[:count]:
                archive.write(file, f"folder/{file.name}")
            archive.writestr("readme.txt", "of Earth Engine")
            archive.write(files[0], f"__MACOSX/folder/._{files[0].name}")
        with open_scene(path) as scene:
            assert scene.polarisations == ("VV", "VH")[:count]
            assert (scene.read(scene.grid.window).values == POWER[:count]).all()


def test_a_zip_of_rasters_that_are_no_one_scene_lists_them(make_raster: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name in ("a.tif", "b.tif", "../c.tif"):
            archive.write(make_raster("one.tif", POWER[:1]), name)
    with pytest.raises(SceneReadError, match=r"2 rasters \(a.tif, b.tif\)"):
        open_scene(tmp_path / "many.zip")


@pytest.mark.parametrize("entry", ["S1A_TC.dim", "S1A_TC.data"])
def test_a_beam_dimap_product_is_its_rasters(tmp_path: Path, entry: str) -> None:
    for place, name in enumerate(("VV", "VH")):
        write_envi(tmp_path / "S1A_TC.data", f"Sigma0_{name}", POWER[place])
    (tmp_path / "S1A_TC.dim").write_text("<?xml version='1.0'?><Dimap_Document/>")
    with open_scene(tmp_path / entry) as scene:
        assert set(scene.polarisations) == {"VV", "VH"}
        assert (scene.select("VV").read(scene.grid.window).values[0] == POWER[0]).all()


def test_a_header_stands_for_its_raster_in_any_encoding(tmp_path: Path) -> None:
    image = write_envi(tmp_path, "scene", POWER[0], "Sigma0_VV °".encode("latin-1"))
    with open_scene(image.with_suffix(".hdr")) as scene:
        assert scene.polarisations == ("VV",)
        assert (scene.read(scene.grid.window).values[0] == POWER[0]).all()


@pytest.mark.parametrize(
    ("name", "beginning", "words"),
    [
        ("s1.nc", b"CDF\x01", r"a netCDF file: `gdalinfo s1.nc`.*gdal_translate NETCDF:s1.nc:PATH s1.tif"),
        ("NISAR.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("ASA.N1", b'PRODUCT="ASA_IMP', "ENVISAT.*`gdal_translate ASA.N1 ASA.tif`"),
        ("IMG-HH-ALOS2", bytes([0, 0, 0, 1, 0xC0, 0xC0, 18, 18]), "CEOS"),
        ("umbra.nitf", b"NITF02.10", "NITF"),
        ("my scene.7z", b"7z\xbc\xaf\x27\x1c", "`7z x 'my scene.7z'`"),
        ("scene.tar", b"scene_VV.tif\0\0", "`tar xf scene.tar`"),
        ("scene.vrt", b"<VRTDataset/>", "virtual raster"),
        ("alone.hdr", b"ENVI\nsamples = 4", "header without its raster"),
        ("alone.dim", b"<?xml version", "without its .data folder"),
        ("a.tif.gz", gzip.compress(b"no tiff", mtime=0), "`gunzip -k a.tif.gz`"),
    ],
)
def test_other_formats_are_named_with_the_command_that_makes_a_geotiff(
    tmp_path: Path, name: str, beginning: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(beginning + (b"" if name.endswith(".gz") else bytes(2048)))
    with pytest.raises(SceneReadError, match=words):
        resolve(tmp_path / name)


def test_folders_of_other_products_are_named(tmp_path: Path) -> None:
    (tmp_path / "s1.zarr").mkdir()
    (tmp_path / "s1.zarr" / "zarr.json").write_text("{}")
    with pytest.raises(SceneReadError, match=r"Zarr store.*gdal_translate 'ZARR:s1.zarr:/PATH' s1.tif"):
        resolve(tmp_path / "s1.zarr")
    (tmp_path / "RS2").mkdir()
    (tmp_path / "RS2" / "imagery_HH.tif").write_bytes(b"II*\0")
    with pytest.raises(SceneReadError, match=r"RADARSAT-2 or RCM product; give its images: .*imagery_HH.tif"):
        resolve(tmp_path / "RS2")


def test_a_raw_raster_that_a_virtual_one_describes_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "isce_vv.mli").write_bytes(POWER.tobytes())
    (tmp_path / "isce_vv.mli.vrt").write_text("<VRTDataset/>")
    with pytest.raises(SceneReadError, match=r"`gdal_translate isce_vv.mli.vrt isce_vv.mli.tif`"):
        resolve(tmp_path / "isce_vv.mli")
