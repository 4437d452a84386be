"""The version of geosar, as it is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("geosar")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"
