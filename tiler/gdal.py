"""How GDAL is set up: one settings class, applied once to a process and again around each request."""

import os
from functools import cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 2**20

# What talks to other machines, or is a text that names other files. VRT is not among them, as geosar warps
# through descriptions of its own; the service never opens a file without naming its driver.
SKIPPED = (
    "DAAS", "DERIVED", "EEDA", "EEDAI", "ESRIC", "GTI", "HTTP", "KMLSUPEROVERLAY", "MBTiles", "MRF", "PDF", "PLMOSAIC",
    "STACIT", "STACTA", "WCS", "WMS", "WMTS", "Zarr",
)  # fmt: skip


class GdalSettings(BaseSettings):
    """What the service tells GDAL; each can be given as an environment variable GEOSAR_GDAL_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="GEOSAR_GDAL_", extra="ignore", frozen=True)

    cache_bytes: int = Field(256 * MEBIBYTE, ge=MEBIBYTE, description="Cache of blocks of each process.")
    threads: int = Field(1, ge=1, description="Threads that decode one read; tiles are read side by side already.")
    connect_seconds: int = Field(10, ge=1, description="Another machine must answer within this.")
    transfer_seconds: int = Field(30, ge=1, description="And be done within this.")

    @property
    def options(self) -> dict[str, str]:
        """What GDAL calls configuration options, and one of PROJ."""
        return {
            **self.per_request,
            "GDAL_SKIP": ",".join(SKIPPED),
            "GDAL_CACHEMAX": str(self.cache_bytes // MEBIBYTE),
            # A CRS may name a grid on a server; PROJ does not fetch it.
            "PROJ_NETWORK": "OFF",
        }

    @property
    def per_request(self) -> dict[str, str]:
        """Those that may change while GDAL is at work, for rasterio.Env."""
        return {
            # A file is read by itself: nothing beside it is looked for.
            "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
            # Nothing in a request or a file leads GDAL to another machine.
            "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
            "GDAL_HTTP_CONNECTTIMEOUT": str(self.connect_seconds),
            "GDAL_HTTP_TIMEOUT": str(self.transfer_seconds),
            "GDAL_NUM_THREADS": str(self.threads),
            # Overviews and masks are inside the files that the service makes.
            "GDAL_PAM_ENABLED": "NO",
        }


def configure(settings: GdalSettings) -> None:
    """Set the environment of a process that is the service and nothing else, before GDAL is first used.

    The processes that it starts, for jobs and for looking at uploads, inherit it.
    """
    os.environ.update(settings.options)


@cache
def environment() -> dict[str, str]:
    """Return the options for one request, as the environment sets them."""
    return GdalSettings().per_request
