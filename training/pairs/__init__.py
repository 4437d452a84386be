"""Pairs of radar and optical patches: read, normalised, registered, cropped and varied."""
