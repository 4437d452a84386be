"""Options and arguments that several commands share, and how their values are read."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from geosar.errors import UnitError, UsageError
from geosar.vocabulary import DEFAULT_MODEL, POLARISATIONS, Unit, parse_bands

Command = TypeVar("Command", bound=Callable[..., Any])


def read_bounds(
    _ctx: click.Context, _option: click.Parameter, value: str | None
) -> tuple[float, float, float, float] | None:
    """Read left,bottom,right,top: four numbers with commas or spaces between them."""
    if value is None:
        return None
    try:
        left, bottom, right, top = (float(part) for part in value.replace(",", " ").split())
    except ValueError:
        raise click.BadParameter(f"{value!r} is not four numbers: left,bottom,right,top in the scene's CRS") from None
    if left >= right or bottom >= top:
        raise click.BadParameter(f"{value!r} is empty: left must be less than right, and bottom less than top")
    return left, bottom, right, top


def read_polarisations(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str | None], ...]:
    """Read each ``VV=path`` (which file it is) or ``VV`` (which one to use)."""
    return tuple(map(_read_polarisation, values))


def _read_polarisation(value: str) -> tuple[str, str | None]:
    names, separator, path = value.partition("=")
    polarisations = [name.strip().upper() for name in names.split(",")]
    if strange := [name for name in polarisations if name not in POLARISATIONS]:
        raise click.BadParameter(f"{strange[0]!r} is no polarisation; known are {', '.join(POLARISATIONS)}")
    if separator and (len(polarisations) > 1 or not path):
        raise click.BadParameter(f"{value!r} should be one polarisation and one path, as in VV=scene_vv.tif")
    return ",".join(polarisations), path if separator else None


def split_polarisations(
    options: Sequence[tuple[str, str | None]],
) -> tuple[dict[str, str], str | None]:
    """Part the files by polarisation from the polarisation to use; raises click.UsageError when they clash."""
    files: dict[str, str] = {}
    chosen: str | None = None
    for name, path in options:
        if path is None:
            if chosen is not None:
                raise click.UsageError("--pol without a path can be given once; write several as VV,VH")
            chosen = name
        elif name in files:
            raise click.UsageError(f"--pol {name}=... was given twice")
        else:
            files[name] = path
    return files, chosen


def read_unit(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Read a unit in any usual spelling."""
    try:
        return None if value is None else Unit.parse(value).value
    except UnitError as error:
        raise click.BadParameter(str(error)) from error


def read_band_options(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str] | str | None:
    """Read each ``VV=1`` or ``VV=NAME``, or one ``1`` or ``NAME`` alone."""
    try:
        return parse_bands(values)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def model_option(command: Command) -> Command:
    """``--model``."""
    option = click.option(
        "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|PATH|URL", help="Which model."
    )
    return option(command)


scale_option = click.option(
    "--scale", callback=read_unit, metavar="|".join(unit.value for unit in Unit),
    help="Unit of the values, whatever the file says.",
)  # fmt: skip


def scene_options(command: Command) -> Command:
    """How to read the scene."""
    for option in reversed((
        click.option(
            "--pol", "polarisations", multiple=True, callback=read_polarisations, metavar="VV[=PATH]",
            help="VV=path: the file of one polarisation (repeat it); VV: which one to use.",
        ),
        click.option(
            "--band", "bands", multiple=True, callback=read_band_options, metavar="VV=N|NAME",
            help="Which band is which (repeat it), whatever the file says: VV=1, VH=Sigma0_VH.",
        ),
        scale_option,
        click.option("--nodata", metavar="VALUE|none", help="The fill value, whatever the file says; none: no fill."),
        click.option("--mask-band", metavar="N|none", help="The band that is 0 where nothing was measured."),
        click.option("--crs", "src_crs", metavar="CRS", help="The CRS that the scene has, where the file says none."),
        click.option(
            "--dst-crs", metavar="CRS|none", help="Warp the scene to this CRS first (EPSG:3857); none: image space."
        ),
        click.option(
            "--dem", metavar="FILE|FOLDER|VRT|URL",
            help="Correct a Sentinel-1 GRD product for terrain by these heights in metres.",
        ),
        click.option(
            "--dem-heights", default="geoid", show_default=True, metavar="geoid|ellipsoid|METRES",
            help="What the heights count from, or metres to add to them.",
        ),
        click.option(
            "--radiometric", is_flag=True, help="With --dem: correct brightness for slopes too (gamma0, flattened)."
        ),
        click.option("--keep-border", is_flag=True, help="Take the dark border of a swath or picture for data."),
        click.option("--force", is_flag=True, help="Take what does not look like SAR."),
    )):  # fmt: skip
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
