"""What needs a server of somebody else's is collected where that is installed."""

from helpers.service import installed

_PROGRAMS = {"test_nginx.py": "nginx", "test_postgresql.py": "initdb"}
collect_ignore = [name for name, program in _PROGRAMS.items() if installed(program) is None]
