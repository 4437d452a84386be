"""The public face: few names, loaded on first use."""

import subprocess
import sys

import pytest

import geosar


def test_importing_geosar_loads_nothing_heavy() -> None:
    heavy = "rasterio", "numpy", "openvino", "pydantic", "torch", "pyproj"
    code = f"import geosar, sys; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names_are_those_of_their_modules() -> None:
    from geosar.errors import GeosarError  # noqa: PLC0415
    from geosar.scene import open_scene  # noqa: PLC0415

    assert geosar.GeosarError is GeosarError
    assert geosar.open_scene is open_scene
    assert "translate" in dir(geosar)
    assert geosar.__version__[0].isdigit()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="colourise"):
        geosar.colourise  # noqa: B018
