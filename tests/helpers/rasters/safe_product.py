"""Writes a small synthetic Sentinel-1 GRD product, laid out as the real ones are: a helper of the tests."""

import zipfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint

STEM = "s1a-iw-{kind}-{polarisation}-20180716t004028-20180716t004053-022812-0278e6-001"
PRODUCT = "S1A_IW_GRDH_1SDV_20180716T004028_20180716T004053_022812_0278E6_8A3B"

# 10 m pixels near 10.5 N, 76 E.
LON, LAT, STEP = 76.0, 10.5, 10 / 110_600


def write_product(
    folder: Path,
    digital_numbers: dict[str, np.ndarray],
    *,
    kind: str = "grd",
    calibration: bool = True,
    measurement_href: str | None = None,
) -> Path:
    """Write a product with one measurement for each polarisation; returns its .SAFE folder.

    The calibration table is A = 400 + column, so that sigma0 = DN^2 / (400 + column)^2.
    """
    root = folder / f"{PRODUCT}.SAFE"
    for part in ("measurement", "annotation/calibration"):
        (root / part).mkdir(parents=True)
    objects = []
    for polarisation, values in digital_numbers.items():
        stem = STEM.format(kind=kind, polarisation=polarisation.lower())
        image, table = f"measurement/{stem}.tiff", f"annotation/calibration/calibration-{stem}.xml"
        _write_measurement(root / image, values)
        objects.append(_object("s1Level1MeasurementSchema", measurement_href or f"./{image}"))
        if calibration:
            (root / table).write_text(_calibration(values.shape))
            objects.append(_object("s1Level1CalibrationSchema", f"./{table}"))
    (root / "manifest.safe").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel-1.0/sentinel-1/sar/level-1">'
        f"<dataObjectSection>{''.join(objects)}</dataObjectSection></xfdu:XFDU>",
    )
    return root


def zip_product(root: Path, target: Path) -> Path:
    """Put a product's folder into a zip, as it is downloaded."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root.parent))
    return target


def _write_measurement(path: Path, values: np.ndarray) -> None:
    height, width = values.shape
    points = [
        GroundControlPoint(row=row, col=col, x=LON + col * STEP, y=LAT - row * STEP, z=0)
        for row in np.linspace(0, height, 5)
        for col in np.linspace(0, width, 5)
    ]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=height,
        width=width,
        dtype="uint16",
        gcps=points,
        crs="EPSG:4326",
        blockysize=1,
    ) as target:
        target.write(values, 1)


def _object(schema: str, href: str) -> str:
    location = f'<fileLocation locatorType="URL" href="{href}"/>'
    return f'<dataObject ID="x" repID="{schema}"><byteStream>{location}</byteStream></dataObject>'


def _calibration(shape: tuple[int, int]) -> str:
    pixels = [*range(0, shape[1], 40), shape[1] + 8]
    words = " ".join(str(pixel) for pixel in pixels)
    table = " ".join(f"{400 + pixel:e}" for pixel in pixels)
    vectors = "".join(
        f"<calibrationVector><line>{line}</line><pixel>{words}</pixel><sigmaNought>{table}</sigmaNought>"
        "</calibrationVector>"
        for line in (-8, shape[0] // 2, shape[0] + 8)
    )
    return f"<calibration><calibrationVectorList>{vectors}</calibrationVectorList></calibration>"
