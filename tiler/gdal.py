"""How GDAL is set up, in one place: for the whole process by `configure`, and again around each request."""

import os

from tiler.settings import Settings

OPTIONS = {
    # A file is read by itself: nothing beside it is looked for.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # Nothing in a request or a file leads GDAL to another machine.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_TIMEOUT": "30",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    # Overviews and masks are inside the files that the service makes.
    "GDAL_PAM_ENABLED": "NO",
}


def configure(settings: Settings) -> None:
    """Set the environment of a process that is the service and nothing else, before GDAL is first used."""
    os.environ.update(OPTIONS)
    os.environ["GDAL_CACHEMAX"] = str(settings.gdal_cache_bytes // 2**20)


def environment() -> dict[str, str]:
    """Give the options for one request."""
    return OPTIONS
