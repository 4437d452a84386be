"""Any SAR raster as one thing: opened, placed on a grid, read by windows."""

from geosar.scene.scene import SarBlock, SarScene, open_scene

__all__ = ["SarBlock", "SarScene", "open_scene"]
