"""One command a module; `geosar_training.cli` finds them by name."""
