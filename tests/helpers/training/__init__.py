"""Pairs of patches and settings for the tests of the laboratory."""
