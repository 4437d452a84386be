"""Opening one raster: looked at, checked, warped where needed, and its bands chosen."""

import math
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.enums import Compression
from rasterio.io import DatasetReader

from geosar.backscatter import FILL_MAGNITUDE
from geosar.errors import UnlikeSarError
from geosar.grid import MapGrid
from geosar.image_place import ImagePlace
from geosar.scene import georeference, pages, safe, untrusted, warp
from geosar.scene.evidence import Evidence, Facts, Topic, Weight, gather, read_facts
from geosar.scene.evidence.bands import Choice, choose, polarisations_of
from geosar.scene.evidence.border import BLACK, BLURRED, NOISE, Edge
from geosar.scene.evidence.content import refuse_other
from geosar.scene.evidence.fills import undeclared
from geosar.scene.evidence.products import recognise
from geosar.scene.evidence.sampling import lattice
from geosar.scene.fit import NO_PLACE, check_fit, own_grid
from geosar.scene.raster import (
    Raster,
    bands_are_equal,
    check_readable,
    declared_nodata,
    holds_a_mask,
    is_photograph,
    measurement_bands,
)
from geosar.scene.request import Request
from geosar.scene.source import Source, gdal_errors
from geosar.scene.warp import Placed
from geosar.vocabulary import UNKNOWN, Unit

if TYPE_CHECKING:
    from rasterio.vrt import WarpedVRT

    from geosar.scene.placement.placed import PlacedRaster

FILL_PLACES = 8
"""So many places across and down are looked at for fill values that the warper must not mix in."""
MOST_FILLS = 8
"""So many different numbers beyond any radar are taken for fills."""

_NO_CRS = "It has coordinates and no CRS (state it with `crs`, --crs EPSG:32643 or the like)"


@dataclass(frozen=True, slots=True)
class OpenedRaster:
    """One raster that was opened, what it says of itself, and what is to be said of it and of its bands' names."""

    raster: Raster
    bands: tuple[tuple[int, str], ...]
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]
    naming: tuple[str, ...] = ()
    calibrated: bool = False
    placed: Placed | None = None
    place: ImagePlace | None = None

    @property
    def source(self) -> Source:
        """Where it comes from."""
        return self.raster.source


def open_one(
    source: Source,
    request: Request,
    undo: ExitStack,
    part: safe.Measurement | None = None,
    *,
    first: bool = True,
    like: Placed | None = None,
) -> OpenedRaster:
    """Open one raster, check what it is, and put it on the grid that was asked for; `undo` closes it.

    What is noted of the grid is noted of the `first` alone; another of its product is placed `like` it.
    """
    notes, of_grid = list[str](), list[str]()
    with ExitStack() as half:
        dataset = untrusted.open_raster(source, part.gdal_name if part else None)
        half.callback(dataset.close)  # entered, it would keep an environment of GDAL for as long as it is open
        check_readable(dataset, source.printable, request.most_block_bytes)
        with source.environment():
            name = source.name if part else source.filename
            facts = read_facts(dataset, source, name, photograph=is_photograph(dataset))
            refuse_other(facts, request, source.printable)
            product = recognise(facts)
            evidence = gather(facts, product)
            choice = _choice(dataset, facts, evidence, source, request)
        numbers = [number for number, _ in choice.bands]
        stays = dataset.crs is not None and request.dst_crs is None and request.resolution is None
        settings = nullcontext() if stays and not source.remote else untrusted.settings(source)  # no view is made then
        with settings, gdal_errors(source.printable, "Warping", source.files):
            placed = georeference.placed(dataset, request, source, part, like)
            if placed is not None and placed.heights is not None:
                half.callback(placed.heights.close)
            edge = _edge(dataset, request, choice, placed=placed is not None)
            view, keep = _on_grid(dataset, request, placed, of_grid, half, bands=numbers, edge=edge)
        raster = Raster(
            source, view, like=dataset, keep=keep, bands=numbers, polarisations=[name for _, name in choice.bands],
            mask=choice.mask, request=request,
        )  # fmt: skip
        if edge is not None:
            # Where a view mixes pixels, its outermost are mixed with the border.
            margin = math.ceil(view.width / dataset.width)
            own = edge if placed is not None or view is dataset else edge.of(view, margin)
            raster.bound(own, here=placed is None)
        if part is not None and part.calibration is not None:
            table = part.calibration.on_lattice(dataset.width, dataset.height, warp.LATTICE_STEP)
            raster.calibrate(warp.rectified_table(table, placed or warp.unplaced(raster.grid)))
            if placed is not None and placed.flattening is not None:
                raster.flatten(placed.flattening)
        elif product is not None and product.gain is not None and not request.scale:
            raster.calibrate_by(product.gain)
            words = f"calibrated with the factor of {product.name}"
            evidence = with_unit(evidence, Evidence(Topic.UNIT, Unit.POWER, Weight.CALIBRATION, words))
        notes += of_grid if first else []
        if (paged := pages.words(source, dataset)) is not None:
            notes.append(paged)
        if (unread := _mask_beside(source)) is not None:
            notes.append(f"{unread} stands beside it and is not read; write the mask into the raster: gdal_translate.")
        if not source.identity:
            notes.append(f"{source.printable} has no version that could be asked for: changes go unnoticed.")
        half.pop_all()
    undo.callback(raster.close)
    calibrated = product is not None and product.calibrated
    place = ImagePlace.of(dataset) if raster.grid.crs is None else None
    return OpenedRaster(raster, choice.bands, evidence, tuple(notes), choice.notes, calibrated, placed, place)


def with_unit(evidence: Sequence[Evidence], unit: Evidence) -> tuple[Evidence, ...]:
    """Return the evidence with this of the unit in place of what was said of the values as they are stored."""
    return (*(one for one in evidence if one.topic is not Topic.UNIT), unit)


def _mask_beside(source: Source) -> str | None:
    if len(source.files) != 1:
        return None
    beside = Path(f"{source.files[0]}.msk")
    return beside.name if beside.is_file() else None


def _choice(
    dataset: DatasetReader, facts: Facts, evidence: Sequence[Evidence], source: Source, request: Request
) -> Choice:
    if facts.photograph and not request.bands and not polarisations_of(facts, evidence):
        return photograph(dataset, source, request)
    return choose(
        facts, evidence, request, source.printable, lambda band: holds_a_mask(dataset, band, source.printable)
    )


def photograph(dataset: DatasetReader, source: Source, request: Request) -> Choice:
    """Take one band of what looks like a picture for the eye, where it may be taken; raises `UnlikeSarError`."""
    bands = measurement_bands(dataset)
    mask = next((number for number in dataset.indexes if number not in bands), None)
    first = ((bands[0], UNKNOWN),)
    if len(bands) > 1 and bands_are_equal(dataset, bands, source.printable):
        return Choice(first, mask, ("The colour bands are equal, so the first one is taken for the SAR image.",))
    if request.force:
        return Choice(
            first, mask, ("It looks like a colour photograph; its first band is taken for SAR, as was asked.",)
        )
    raise UnlikeSarError(
        f"{source.printable} does not look like SAR: {len(bands)} bands of 8-bit colour, as in a photograph; "
        "expected one or two bands of backscatter. If it is SAR all the same, say which band is what (`--band VV=1`), "
        "or say so with `force` (--force).",
    )


def _edge(dataset: DatasetReader, request: Request, choice: Choice, *, placed: bool) -> Edge | None:
    """Return where a border may be looked for: around pictures and images of a swath that declare no fill."""
    band = choice.bands[0][0]
    dtype = dataset.dtypes[band - 1]
    declared = (
        choice.mask is not None or warp.has_mask(dataset) or declared_nodata(dataset, request)[band - 1] is not None
    )
    if request.keep_border or (declared and not placed):
        return None
    if dtype == "uint8":
        lossy = dataset.driver == "JPEG" or dataset.compression in {Compression.jpeg, Compression.webp}
        return Edge(dataset, band, BLURRED if lossy else BLACK)
    return Edge(dataset, band, NOISE) if placed and dtype == "uint16" else None


def _on_grid(
    dataset: DatasetReader,
    request: Request,
    placed: Placed | None,
    notes: list[str],
    undo: ExitStack,
    *,
    bands: Sequence[int],
    edge: Edge | None,
) -> "tuple[DatasetReader | WarpedVRT | PlacedRaster, tuple[DatasetReader, ...]]":
    """Return the dataset, or a view of it on the wanted grid, and the datasets under that view."""
    if placed is not None:
        notes.append(placed.words)
        return warp.rectified(dataset, placed, _fills(dataset, request, bands, placed=True), edge), (dataset,)
    crs, own_crs = request.crs(), request.own_crs()
    if own_crs is not None and dataset.crs not in {None, own_crs}:
        notes.append(f"The file says {dataset.crs.to_string()}; {own_crs.to_string()} is used, as stated.")
    stored = MapGrid(own_crs or dataset.crs, dataset.transform, dataset.width, dataset.height)
    if crs is not None or request.resolution is not None:
        own = own_grid(stored)
        check_fit(own, "the scene")
        grid = warp.resampled_grid(own, crs, request.resolution)
        if grid != own:
            across, down = grid.pixel_size_metres() or (math.nan, math.nan)
            notes.append(f"Resampled to {grid.crs} at {across:.4g} m by {down:.4g} m, bilinear.")
            view = warp.resampled(dataset, stored, grid, _fills(dataset, request, bands, placed=False))
            undo.callback(view.close)
            return view, (dataset,)
    if request.in_pixels and (place := ImagePlace.of(dataset)) is not None:
        place_words = "rational polynomials (RPC)" if place.rpc else f"{len(place.points)} ground control points"
        notes.append(f"In image space, as asked; its {place_words} stand in the result's tags.")
    elif dataset.crs is None and own_crs is None:
        coordinates = "There is no georeference" if stored.transform == NO_PLACE else _NO_CRS
        notes.append(f"{coordinates}: the scene is in image space.")
    elif stored.transform == NO_PLACE:
        named = (own_crs or dataset.crs).to_string()
        notes.append(f"It names a CRS ({named}) and no place in it: the scene is in image space.")
    elif own_grid(stored) != stored:
        notes.append("Longitudes are counted from -180 to 180 degrees; the file counts them otherwise.")
    return dataset, ()


def _fills(dataset: DatasetReader, request: Request, bands: Sequence[int], *, placed: bool) -> tuple[float, ...]:
    """Return the values that the warper must not mix into their neighbours, the one that stands for all first.

    None where a mask or nothing tells.
    """
    declared = declared_nodata(dataset, request)[bands[0] - 1]
    dtype = np.dtype(dataset.dtypes[0])
    first = () if declared is None else (float(declared),)
    if request.nodata is not None and first:
        return first
    if not first and (warp.has_mask(dataset) or dtype == np.uint8):
        return ()
    if dtype == np.uint8 or (dtype.kind == "u" and placed):
        # Placed integers are amplitudes of a swath, whose fringe is zero.
        return first or (0.0,)
    met = _undeclared_fills(dataset, bands, dtype)
    if not first and dtype.kind == "u":
        first = (0.0,)
    return (*first, *(value for value in met if value not in first)) or (math.nan if dtype.kind == "f" else 0.0,)


def _undeclared_fills(dataset: DatasetReader, bands: Sequence[int], dtype: np.dtype[Any]) -> list[float]:
    """Return the undeclared fill values that a few places have, the most frequent first."""
    counts: dict[float, int] = {}
    for band in bands:
        places = lattice(dataset.width, dataset.height, FILL_PLACES)
        sample = np.concatenate([dataset.read(band, window=place.to_rasterio()).ravel() for place in places])
        sample = sample[np.isfinite(sample)]
        candidates = set(undeclared(sample))
        if dtype.kind == "f":
            # Zero is no measurement in any unit of floating-point numbers.
            candidates |= {0.0, *np.unique(sample[np.abs(sample) >= FILL_MAGNITUDE]).tolist()[:MOST_FILLS]}
        for value in candidates:
            counts[value] = counts.get(value, 0) + int(np.count_nonzero(sample == value))
    return sorted((value for value, count in counts.items() if count), key=lambda value: (-counts[value], value))
