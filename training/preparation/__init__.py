"""From co-registered GeoTIFFs to pairs: matched, cut by window, checked, split by ground, with a report."""
