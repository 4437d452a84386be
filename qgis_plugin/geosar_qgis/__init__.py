"""SAR to optical: the geosar tile service from inside QGIS."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """Make the plugin; nothing of QGIS is imported before."""
    from .plugin import GeosarPlugin  # noqa: PLC0415 - the client is tested where there is no QGIS

    return GeosarPlugin(iface)
