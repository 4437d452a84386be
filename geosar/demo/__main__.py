"""``python -m geosar.demo``."""

import sys

from geosar.demo.demonstration import main

sys.exit(main())
