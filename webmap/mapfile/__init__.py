"""Rasters as one map file that opens in a browser, without network."""
