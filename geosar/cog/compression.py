"""Compression of single tiles as TIFF stores them, by imagecodecs, outside GDAL and once each."""

from functools import cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from geosar.cog.overviews import Pixels, Samples
from geosar.cog.tiff import ImageFormat, SampleType
from geosar.errors import UsageError
from geosar.vocabulary import Compression

_HORIZONTAL, _FLOATING_POINT = 2, 3
_GREY, _RGB, _YCBCR = 1, 2, 6
_CODES = {
    Compression.ZSTD: 50000,
    Compression.DEFLATE: 8,
    Compression.LZW: 5,
    Compression.JPEG: 7,
    Compression.WEBP: 50001,
}
_RGB_BANDS = 3


class TileEncoder:
    """
    Turns blocks of `dtype` (height, width, bands), at most `tile` pixels a side, into tiles of a TIFF.

    float32 is compressed without loss only. The same block gives the same bytes on every call; instances are
    safe to share between threads.
    """

    def __init__(self, compress: str, *, bands: int, tile: int, quality: int = 90, dtype: SampleType = "uint8") -> None:
        try:
            self.compression = Compression(compress.lower())
        except ValueError:
            known = ", ".join(Compression)
            raise UsageError(f"compression {compress!r} is not known; choose one of {known}") from None
        if dtype == "float32" and not self.compression.lossless:
            known = ", ".join(each for each in Compression if each.lossless)
            raise UsageError(f"{self.compression} holds 8-bit pixels, not float32; choose one of {known}")
        if self.compression is Compression.WEBP and bands != _RGB_BANDS:
            raise UsageError(f"WebP in a TIFF holds 3 bands, not {bands}; choose zstd for this output")
        if not 1 <= quality <= 100:
            raise UsageError(f"quality is {quality}; it must lie between 1 and 100")
        if tile < 16 or tile % 16:
            raise UsageError(f"tile size is {tile}; TIFF wants a positive multiple of 16")
        self.bands, self.tile, self.quality, self.dtype = bands, tile, quality, dtype
        self.full_mask = self.encode_mask(np.ones((tile, tile), np.bool_))

    @property
    def image_format(self) -> ImageFormat:
        """What the TIFF's directories must say of these tiles."""
        colour = self.bands == _RGB_BANDS
        predictor = _FLOATING_POINT if self.dtype == "float32" else _HORIZONTAL
        subsampled = colour and self.compression is Compression.JPEG
        return ImageFormat(
            bands=self.bands,
            tile=self.tile,
            compression=_CODES[self.compression],
            photometric=_YCBCR if subsampled else _RGB if colour else _GREY,
            predictor=predictor if self.compression.lossless else 1,
            chroma_subsampled=subsampled,
            dtype=self.dtype,
        )

    def encode(self, block: Samples) -> bytes:
        """Compress one block; its last column and row fill what is missing to a whole tile."""
        missing = (self.tile - block.shape[0], self.tile - block.shape[1])
        if any(missing):
            block = np.pad(block, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        if self.compression.lossless:
            samples = block.view(np.uint8) if self.dtype == "uint8" else self._byte_planes(block)
            return self._encode_lossless(self._differences(samples))
        picture = np.ascontiguousarray(block if self.bands > 1 else block[..., 0])
        if self.compression is Compression.JPEG:
            # Huffman tables made for each tile, as GDAL does: 5 to 10 % smaller than the standard ones.
            subsampling = "420" if self.bands == _RGB_BANDS else None
            return bytes(imagecodecs.jpeg8_encode(picture, level=self.quality, subsampling=subsampling, optimize=True))
        return bytes(imagecodecs.webp_encode(picture, level=self.quality, lossless=False))

    def encode_mask(self, valid: NDArray[np.bool_] | None) -> bytes:
        """Compress a mask to one bit a pixel, set where valid; None: all is valid."""
        if valid is None:
            return self.full_mask
        missing = (self.tile - valid.shape[0], self.tile - valid.shape[1])
        return bytes(
            imagecodecs.deflate_encode(
                np.packbits(np.pad(valid, ((0, missing[0]), (0, missing[1]))), axis=1).tobytes(), level=6
            )
        )

    def _differences(self, block: NDArray[np.uint8]) -> bytearray:
        # TIFF's horizontal predictor: the difference from the pixel to the left, modulo 256, row by row.
        rows = block.reshape(self.tile, -1)
        differences = bytearray(rows.size)
        out = np.frombuffer(differences, np.uint8).reshape(rows.shape)
        out[:, : self.bands] = rows[:, : self.bands]
        np.subtract(rows[:, self.bands :], rows[:, : -self.bands], out=out[:, self.bands :])
        return differences

    def _byte_planes(self, block: Samples) -> NDArray[np.uint8]:
        # TIFF's floating point predictor (Adobe's Technical Note 3) parts the bytes of a row's values, all the most
        # significant ones first, and then takes differences. Shifts are 3 to 5 times as fast as imagecodecs' own.
        rows = block.reshape(self.tile, -1).view(np.uint32)
        planes = np.empty((self.tile, 4, rows.shape[1]), np.uint8)
        for place, shift in enumerate((24, 16, 8, 0)):
            planes[:, place] = rows >> np.uint32(shift)
        return planes

    def _encode_lossless(self, differences: bytearray) -> bytes:
        match self.compression:
            case Compression.ZSTD:
                return bytes(imagecodecs.zstd_encode(differences, level=1))
            case Compression.DEFLATE:
                return bytes(imagecodecs.deflate_encode(differences, level=4))
            case _:
                return bytes(imagecodecs.lzw_encode(differences))


@cache
def codec_version() -> str:
    """Name the library that makes the bytes: another version may compress the same pixels otherwise."""
    return f"imagecodecs {imagecodecs.__version__}"


def pack_seed(pixels: Samples, valid: NDArray[np.bool_] | None) -> bytes:
    """Keep a block losslessly for the deeper overviews, whatever the output's own compression loses."""
    mask = b"" if valid is None else np.packbits(valid).tobytes()
    return bytes(imagecodecs.zstd_encode(pixels.tobytes() + mask, level=1))


def unpack_seed(packed: bytes, height: int, width: int, bands: int, dtype: SampleType = "uint8") -> Pixels:
    """Return what `pack_seed` was given: pixels (height, width, bands), and the mask or None."""
    values = np.frombuffer(imagecodecs.zstd_decode(packed), np.uint8)
    area = height * width
    samples, mask = np.split(values, [area * bands * np.dtype(dtype).itemsize])
    valid = np.unpackbits(mask, count=area).view(np.bool_).reshape(height, width) if mask.size else None
    return Pixels(samples.view(dtype).reshape(height, width, bands), valid)
