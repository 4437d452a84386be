"""Pictures: colours, transparency, and the smallest of the formats."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from geosar_webmap.mapfile.pictures import ERROR_TABLE, coloured_error, data_url, stretched


def decoded(address: str) -> tuple[str, np.ndarray]:
    kind, _, content = address.removeprefix("data:image/").partition(";base64,")
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return kind, np.asarray(image.convert("RGBA"))


def grain(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).gamma(4, 30, shape).clip(0, 255).astype(np.uint8)


def opaque(levels: np.ndarray) -> np.ndarray:
    return np.dstack([levels, np.full(levels.shape[:2], 255, np.uint8)])


def test_a_band_is_grey_from_black_to_white_and_clear_where_there_is_none() -> None:
    values = np.array([[[-30, -25, -15, -5, 3, np.nan]]], np.float32)
    picture = stretched(values, ((-25.0, -5.0),))
    assert picture[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]
    assert picture[0, :, 3].tolist() == [255, 255, 255, 255, 255, 0]
    assert (picture[..., :1] == picture[..., :3]).all()


def test_three_bands_are_red_green_and_blue_each_over_its_range() -> None:
    values = np.array([[[10, 0]], [[5, 0]], [[np.nan, 4]]], np.float32)
    picture = stretched(values, ((0.0, 10.0), (0.0, 10.0), (0.0, 4.0)))
    assert picture[0, 1].tolist() == [0, 0, 255, 255]
    assert picture[0, 0, 3] == 0  # clear where one of them is missing


def test_a_band_without_contrast_makes_a_picture_too() -> None:
    assert stretched(np.full((1, 2, 2), -12, np.float32), ((-12.0, -12.0),))[..., 3].all()


def test_errors_have_the_colours_of_the_legend() -> None:
    picture = coloured_error(np.array([[0, 64, 200, np.nan]], np.float32))
    first, last = ("#" + "".join(f"{level:02x}" for level in picture[0, at, :3]) for at in (0, 1))
    assert (first, last) == (ERROR_TABLE[0], ERROR_TABLE[-1])
    assert picture[0, 2].tolist() == picture[0, 1].tolist()
    assert picture[0, :, 3].tolist() == [255, 255, 255, 0]


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("grey", [False, True])
def test_grainy_pictures_are_compressed_and_look_the_same(grey: bool, clear: bool) -> None:
    levels = grain(256, 256, 1).repeat(3, axis=2)
    if not grey:
        levels = (levels * np.array([0.9, 0.7, 0.5])).astype(np.uint8)
    picture = opaque(levels)
    picture[:64, :64, 3] = 0 if clear else 255
    address = data_url(picture)
    kind, decoded_picture = decoded(address)
    assert kind in {"webp", "jpeg"}
    assert len(address) < picture.nbytes / 3
    np.testing.assert_array_equal(decoded_picture[..., 3], picture[..., 3])  # transparency is never approximate
    difference = np.abs(decoded_picture[..., :3].astype(int) - picture[..., :3])[picture[..., 3] > 0]
    assert difference.mean() < 12


def test_pictures_of_two_levels_lose_nothing_as_that_is_smallest() -> None:
    levels = 255 * np.random.default_rng(1).integers(0, 2, (256, 256, 1), np.uint8).repeat(3, axis=2)
    kind, picture = decoded(data_url(opaque(levels)))
    assert kind == "png"
    np.testing.assert_array_equal(picture[..., :3], levels)
