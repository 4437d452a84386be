"""Where a raster's pixels lie on a map that has no grid for them: placements, and what is read through them."""
