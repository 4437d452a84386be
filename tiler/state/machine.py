"""How the service would stand on this machine, for `geosar doctor`."""

from geosar_tiler.gdal import GdalSettings
from geosar_tiler.settings import Settings
from geosar_tiler.state import confinement
from geosar_tiler.state.terrain import Terrain


def gdal_options() -> dict[str, str]:
    """Return what the service tells GDAL."""
    return GdalSettings().options


def confined() -> str:
    """Say in words how the process that looks at uploads is confined."""
    return confinement.described()


def elevation_model() -> str:
    """Say which model the settings of the environment name; raises UsageError where it cannot be used."""
    return str(Terrain(Settings()))
