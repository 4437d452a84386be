"""The colours of the expected error, and a legend of them for layers of tiles, which QGIS gives none."""

from __future__ import annotations

from qgis.PyQt.QtCore import QBuffer, QIODevice, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter

from .words import tr

ERROR_SHOWN = 64
"""Expected errors at which the colours end, of 255; as in the service's own tiles."""
MAGMA = ("#000004", "#180f3e", "#451077", "#721f81", "#9f2f7f", "#cd4071", "#f1605d", "#fd9567", "#fec98d", "#fcfdbf")
WIDTH, BAR, HEIGHT, MARGIN = 210, 12, 34, 4


def error_legend() -> str:
    """Give a picture of the colours with their values, in the form in which QGIS keeps pictures in a project."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor("white"))
    gradient = QLinearGradient(MARGIN, 0, WIDTH - MARGIN, 0)
    for number, colour in enumerate(MAGMA):
        gradient.setColorAt(number / (len(MAGMA) - 1), QColor(colour))
    painter = QPainter(image)
    painter.fillRect(QRectF(MARGIN, MARGIN, WIDTH - 2 * MARGIN, BAR), gradient)
    font = QFont()
    font.setPixelSize(11)
    painter.setFont(font)
    painter.setPen(QColor("black"))
    below = QRectF(MARGIN, MARGIN + BAR, WIDTH - 2 * MARGIN, HEIGHT - MARGIN - BAR)
    painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), "0")
    words = tr("{0} of 255 and more").format(ERROR_SHOWN)
    painter.drawText(below, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), words)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return f"base64:{bytes(buffer.data().toBase64()).decode('ascii')}"
