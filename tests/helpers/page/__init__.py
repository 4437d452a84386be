"""Visits to the web page in a browser, and the pictures that are taken of it."""
