"""One command a module; `training.cli` finds them by name."""
