"""What the plugin says to the tile service and understands of it. Standard library only: no QGIS, no network.

A conversation is a generator: it yields a `Request` and is sent the `Response`, or yields a `Wait`. Who drives it
decides how bytes travel: on QGIS's network in a worker thread or on the event loop, or with urllib in a test.
"""
