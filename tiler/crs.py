"""CRSs that a client names: by authority and code alone, as GDAL would take a path or a URL too, and open it."""

import re

from fastapi import Request
from rasterio.crs import CRS
from rasterio.errors import CRSError

from geosar_tiler.errors import InvalidError

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_CODE = re.compile(r"(?:EPSG|ESRI|OGC|IAU_2015|IGNF):[A-Za-z0-9_]{1,20}")
_URI = re.compile(r"https?://www\.opengis\.net/def/crs/([A-Za-z]{1,10})/[0-9.]{1,10}/([A-Za-z0-9_]{1,20})")


def named_crs(name: str) -> CRS:
    """Return the CRS of a code such as EPSG:32643, or of OGC's URL for it; raises InvalidError for all else."""
    uri = _URI.fullmatch(name)
    code = f"{uri.group(1)}:{uri.group(2)}" if uri else name.removeprefix("[").removesuffix("]")
    if _CODE.fullmatch(code):
        try:
            return CRS.from_user_input(code)
        except CRSError:
            pass
    raise InvalidError(f"{name[:80]!r} is no CRS that is known here; give one such as EPSG:32643 or {CRS84}.")


def check_query(request: Request) -> None:
    """Look at every parameter that names a CRS, before anything is made of it; raises InvalidError."""
    for name, value in request.query_params.multi_items():
        if name.lower().endswith("crs"):
            named_crs(value)
