"""``python -m geosar.cli`` is the command ``geosar``."""

from geosar.cli import main

main()
