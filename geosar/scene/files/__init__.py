"""Files that hold rasters or are in other formats: told by their first bytes, before GDAL sees them."""
