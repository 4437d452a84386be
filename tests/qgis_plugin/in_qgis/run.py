"""
Runs the tests in this folder inside QGIS: `python run.py [arguments of pytest]`, by a Python that has QGIS.

Without arguments each file has a QGIS of its own, as every user has.

GEOSAR_PYTHON names the Python of the project's environment, which runs the service. Settings and authentication
database are made for these tests alone.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
MISSING = """QGIS is missing: {python} cannot import `{module}`.
On Debian or Ubuntu: sudo apt-get install -y --no-install-recommends qgis python3-qgis xvfb
Then, in an environment made by the system's Python with --system-site-packages:
  python -m pip install -r {requirements}
"""


def main(arguments: list[str]) -> int:
    """Run pytest here, or for each file; returns the largest exit code, 3 without QGIS."""
    for module in ("qgis.core", "pytest_qgis", "PyQt6", "bandit", "flake8"):
        try:
            spec = find_spec(module)
        except ModuleNotFoundError:
            spec = None
        if spec is None:
            sys.stderr.write(
                MISSING.format(python=sys.executable, module=module, requirements=HERE / "requirements.txt")
            )
            return 3
    if not arguments:
        files = sorted(HERE.glob("test_*.py"))
        return max(abs(subprocess.call([sys.executable, __file__, str(file)])) for file in files)
    import pytest

    # pytest-qgis starts QGIS before it reads any conftest, so this is the place to say how.
    with tempfile.TemporaryDirectory(prefix="geosar-qgis-", ignore_cleanup_errors=True) as profile:
        os.environ.update(QGIS_CUSTOM_CONFIG_PATH=profile, QGIS_AUTH_DB_DIR_PATH=profile, QT_QPA_PLATFORM="offscreen")
        os.environ.setdefault("XDG_RUNTIME_DIR", profile)
        os.environ["GEOSAR_IN_QGIS"] = "1"
        os.environ["GDAL_PAM_ENABLED"] = "NO"  # nothing is written beside the scenes
        os.environ.pop("QGIS_PLUGINPATH", None)
        # Its settings go below rootdir.
        places = ["-c", str(HERE / "pytest.ini"), "--rootdir", profile, "--confcutdir", str(HERE)]
        return int(pytest.main([*places, "-p", "no:cacheprovider", *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
