"""Legends as small pictures: a bar of colours with the values at its ends, or a line of text."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, BAR_HEIGHT, MARGIN = 256, 16, 4
TEXT_SIZE = 11
LINE = TEXT_SIZE + 4
INK, PAPER = (32, 32, 32, 255), (255, 255, 255, 230)


def bar(colours: NDArray[np.uint8], low: float, high: float, title: str) -> bytes:
    """Draw 256 colours (256, 3) from the value `low` to `high` with a title above, as PNG."""
    lines = _wrapped(title)
    top = MARGIN + len(lines) * LINE
    picture = _paper(top + BAR_HEIGHT + LINE + MARGIN)
    draw = ImageDraw.Draw(picture)
    _write(draw, lines)
    inner = WIDTH - 2 * MARGIN
    strip = np.repeat(colours[np.linspace(0, 255, inner).round().astype(int)][None], BAR_HEIGHT, axis=0)
    picture.paste(Image.fromarray(strip), (MARGIN, top))
    below = top + BAR_HEIGHT + 2
    for text, place, anchor in (
        (f"{low:.4g}", MARGIN, "la"),
        (f"{(low + high) / 2:.4g}", WIDTH // 2, "ma"),
        (f"{high:.4g}", WIDTH - MARGIN, "ra"),
    ):
        draw.text((place, below), text, INK, _font(), anchor=anchor)
    return _png(picture)


def note(text: str) -> bytes:
    """Draw a text, as PNG."""
    lines = _wrapped(text)
    picture = _paper(2 * MARGIN + len(lines) * LINE)
    _write(ImageDraw.Draw(picture), lines)
    return _png(picture)


def _wrapped(text: str) -> list[str]:
    """Break a text into lines that fit."""
    font = _font()
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > WIDTH - 2 * MARGIN:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _write(draw: ImageDraw.ImageDraw, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        draw.text((MARGIN, MARGIN + number * LINE), line, INK, _font())


def _paper(height: int) -> Image.Image:
    return Image.new("RGBA", (WIDTH, height), PAPER)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT_SIZE)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
