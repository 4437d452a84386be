"""The public face: few names, loaded on first use."""

from importlib import import_module

import pytest

import geosar
from geosar import errors


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Progress", "report"), ("SarScene", "scene"), ("Unit", "vocabulary"), ("Window", "grid"),
        ("open_scene", "scene"), ("translate", "translation"),
    ],
)  # fmt: skip
def test_public_names_are_those_of_their_modules(name: str, home: str) -> None:
    assert getattr(geosar, name) is getattr(import_module(f"geosar.{home}"), name)


def test_every_error_is_public() -> None:
    raised = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert raised <= set(geosar.__all__)
    for name in raised:
        assert getattr(geosar, name) is getattr(errors, name)
