"""The public face: few names, loaded on first use."""

import geosar


def test_public_names_are_those_of_their_modules() -> None:
    from geosar.errors import GeosarError  # noqa: PLC0415
    from geosar.scene import open_scene  # noqa: PLC0415

    assert geosar.GeosarError is GeosarError
    assert geosar.open_scene is open_scene
    assert "translate" in dir(geosar)
    assert geosar.__version__[0].isdigit()
