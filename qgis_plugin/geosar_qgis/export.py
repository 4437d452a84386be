"""From a layer of QGIS to a file that can be sent: its own, or a copy of its values, or a refusal in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from qgis.core import Qgis, QgsRasterFileWriter, QgsRasterIterator, QgsRasterLayer

from .client.messages import CancelledError, ClientError, LocalDiskError
from .client.uploads import polarisation_in
from .words import tr

SENT_AS_IT_IS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".zip")
PICTURES = ("wms", "arcgismapserver", "virtualraster")
TILE = 1024


class UnsuitableError(ClientError):
    """The layer holds nothing that could be translated."""


@dataclass
class Source:
    """What to send: a file as it is, or, where `provider` is given, a copy to be written first."""

    name: str
    polarisation: str = ""
    """As its name or that of its band says."""
    path: Path | None = None
    provider: Any = None
    crs: Any = None
    bands: tuple[int, ...] = ()


def source_of(layer: QgsRasterLayer, bands: tuple[int, ...] = ()) -> Source:
    """
    Say how a layer is sent; on the thread that owns it.

    What is given back does not need the layer any more. Raises UnsuitableError.
    """
    if not isinstance(layer, QgsRasterLayer) or not layer.isValid() or layer.dataProvider() is None:
        raise UnsuitableError(tr("The layer cannot be read. Is its file still there?"))
    provider = layer.dataProvider()
    if provider.name() in PICTURES or provider.dataType(1) in (
        Qgis.DataType.ARGB32,
        Qgis.DataType.ARGB32_Premultiplied,
    ):
        raise UnsuitableError(
            tr(
                "{0} is a picture of a map ({1}) and holds no radar values. Choose a layer that holds backscatter."
            ).format(layer.name(), provider.name())
        )
    path = Path(layer.source().partition("|")[0])
    polarisation = polarisation_in(layer.name(), path.stem, layer.bandName((bands or (1,))[0]))
    is_own = provider.name() == "gdal" and path.suffix.lower() in SENT_AS_IT_IS and path.is_file()
    if is_own and layer.crs() == provider.crs() and not bands:
        return Source(layer.name(), polarisation, path)
    count = provider.bandCount()
    if any(not 1 <= band <= count for band in bands):
        raise UnsuitableError(tr("{0} has the bands 1 to {1}, not {2}.").format(layer.name(), count, list(bands)))
    chosen = bands or tuple(band for band in range(1, count + 1) if not is_alpha(provider, band))
    return Source(layer.name(), polarisation, None, provider.clone(), layer.crs(), chosen)


def write_copy(source: Source, path: Path, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Path:
    """
    Write the values of a layer as GeoTIFF, block by block, with its CRS and nodata; in any thread.

    Raises LocalDiskError, CancelledError.
    """
    provider = source.provider
    rows, cols, extent = provider.ySize(), provider.xSize(), provider.extent()
    if not rows or not cols:
        raise UnsuitableError(tr("{0} has no fixed number of pixels, so there is nothing to copy.").format(source.name))
    kinds = {provider.dataType(band) for band in source.bands}
    kind = kinds.pop() if len(kinds) == 1 else Qgis.DataType.Float32
    writer = QgsRasterFileWriter(str(path))
    writer.setOutputFormat("GTiff")
    writer.setOutputProviderKey("gdal")
    writer.setCreateOptions(["COMPRESS=DEFLATE", "TILED=YES", "BIGTIFF=IF_SAFER"])
    target = writer.createMultiBandRaster(kind, cols, rows, extent, source.crs, len(source.bands))
    if target is None or not target.isValid():
        raise LocalDiskError(tr("{0} could not be made. Is there free space on the disk?").format(path))
    target.setEditable(True)
    for number, band in enumerate(source.bands, start=1):
        if provider.sourceHasNoDataValue(band):
            target.setNoDataValue(number, provider.sourceNoDataValue(band))
        for block, left, top, height in _blocks(provider, band):
            if cancelled():
                raise CancelledError(tr("Stopped."))
            if not target.writeBlock(block, number, left, top):
                raise LocalDiskError(tr("The copy of {0} could not be written. Is the disk full?").format(source.name))
            progress((number - 1 + (top + height) / rows) / len(source.bands))
    target.setEditable(False)
    return path


def _blocks(provider: Any, band: int) -> Iterator[tuple[Any, int, int, int]]:
    """Return a band block by block: the block, where it lies, and its height."""
    iterator = QgsRasterIterator(provider)
    iterator.setMaximumTileWidth(TILE)
    iterator.setMaximumTileHeight(TILE)
    iterator.startRasterRead(band, provider.xSize(), provider.ySize(), provider.extent())
    while True:
        good, _width, height, block, left, top = iterator.readNextRasterPart(band)[:6]
        if not good:
            return
        yield block, left, top, height


def is_alpha(provider: Any, band: int) -> bool:
    """Whether a band says what is valid; QGIS shows the mask of a file as such a band."""
    return str(provider.colorInterpretationName(band)).lower() == "alpha"
