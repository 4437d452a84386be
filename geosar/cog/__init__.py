"""Writes Cloud-Optimized GeoTIFFs window by window, resumable, published by one rename."""

from geosar.cog.sink import CogSink

__all__ = ["CogSink"]
