"""Formats that people have and geosar does not read: by name, with the command that makes a GeoTIFF of them."""

import re
from pathlib import Path, PurePath
from shlex import quote

_CONVERT = "gdal_translate {file} {target}"
_SUBDATASET = "`gdalinfo {file}` lists what is in it; then `gdal_translate {driver}:{file}:PATH {target}`"

# First bytes, the format, and the way out.
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 or netCDF-4 file (as of NISAR, ICEYE or COSMO-SkyMed)",
     _SUBDATASET.replace("{driver}", "HDF5")),
    (b"CDF", "a netCDF file", _SUBDATASET.replace("{driver}", "NETCDF")),
    (b"NITF", "a NITF file (complex, where it is SICD)", f"`{_CONVERT}`"),
    (b"NSIF", "a NSIF file", f"`{_CONVERT}`"),
    (b'PRODUCT="', "an ENVISAT product (.N1)", f"`{_CONVERT}`, or terrain-correct it with SNAP"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it: `7z x {file}`"),
    (b"Rar!", "a RAR archive", "unpack it: `unrar x {file}`"),
    (b"BZh", "a bzip2 file", "unpack it: `bunzip2 -k {file}`, and `tar xf` what is a tar"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it: `unxz -k {file}`, and `tar xf` what is a tar"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it: `unzstd {file}`"),
    (b"<VRTDataset", "a virtual raster, which names other files and is not followed", f"`{_CONVERT}`"),
    (b"GIF8", "a GIF picture", f"`{_CONVERT}`"),
    (b"GRIB", "a GRIB file", f"`{_CONVERT}`"),
    (b"%PDF", "a PDF document", "export the raster from it"),
)  # fmt: skip
# The record of the file descriptor of CEOS: 1 in four bytes, then its codes.
_CEOS = re.compile(rb"\0\0\0\x01[\x12\x3f\xc0][\x12\xc0][\x12\x3f]\x12")
_SUFFIXES = {
    ".tar": ("a tar archive", "unpack it: `tar xf {file}`"),
    ".safe": ("a text", "give the folder of the product, or its zip"),
    ".dim": ("a BEAM-DIMAP product without its .data folder", "put NAME.data beside NAME.dim, or give its .img files"),
    ".xml": ("a text about a product", "give the raster that it describes"),
    ".hdr": ("a header without its raster", "put the raster of the same name beside it, without .hdr or as .img"),
}  # fmt: skip


def name_format(header: bytes, path: PurePath) -> str | None:
    """Say which format a file has that geosar does not read, and what makes a GeoTIFF of it; None if unknown.

    Its name is looked at, and nothing on the disk.
    """
    for beginning, what, way_out in _BEGINNINGS:
        if header.startswith(beginning):
            return _sentence(what, way_out, path)
    if _CEOS.match(header):
        return _sentence(
            "a CEOS file (as of ALOS, RADARSAT-1 or ERS)", f"`{_CONVERT}`, or terrain-correct it with SNAP", path
        )
    known = _SUFFIXES.get(path.suffix.lower())
    return None if known is None else _sentence(*known, path)


def described_beside(path: Path) -> str | None:
    """Say what makes a GeoTIFF of a raw raster that a virtual raster beside it describes, as ISCE writes them."""
    if not path.with_name(path.name + ".vrt").is_file():
        return None
    command = _CONVERT.format(file=quote(f"{path.name}.vrt"), target=quote(f"{path.name}.tif"))
    return f"it has no header, but a virtual raster describes it: `{command}`"


def name_folder(path: Path) -> str | None:
    """Say which product a folder is that geosar does not read as a whole, and what of it to give; None if unknown."""
    if any((path / name).exists() for name in (".zgroup", "zarr.json", ".zattrs", ".zmetadata")):
        way_out = "`gdalmdiminfo {file}` lists what is in it; then `gdal_translate 'ZARR:{file}:/PATH' {target}`"
        return _sentence("a Zarr store", way_out, path)
    if any(path.glob("vol*")) or any(path.glob("VOL-*")):
        return _sentence(
            "a CEOS product", "`gdal_translate IMG-HH-... {target}`, or terrain-correct it with SNAP", path
        )
    images = sorted([*path.glob("imagery_*.tif"), *path.glob("imagery/*.tif"), *path.glob("IMAGEDATA/*.tif")])
    if images:
        kind = "a TerraSAR-X" if images[0].parent.name == "IMAGEDATA" else "a RADARSAT-2 or RCM"
        files = " ".join(quote(str(image)) for image in images[:2])
        return f"it is {kind} product; give its images: {files}"
    return None


def _sentence(what: str, way_out: str, path: PurePath) -> str:
    target = (
        path.with_suffix(".tif")
        if path.suffix.lower() not in {".tif", ".tiff"}
        else path.with_name(f"{path.stem}_new.tif")
    )
    return f"it is {what}: {way_out.format(file=quote(path.name), target=quote(target.name))}"
