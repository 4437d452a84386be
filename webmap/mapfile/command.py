"""The command behind ``geosar map``."""

from typing import Any

import click

from geosar.cli.options import scale_option
from geosar.errors import UsageError, without_secrets
from geosar.outputs import plan_targets
from geosar_webmap.mapfile.reading import read_layers
from geosar_webmap.mapfile.sar_map import MOST_LAYERS, SarMap
from geosar_webmap.mapfile.show import LARGEST, SIZE, title_of


@click.command("map", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("rasters", nargs=-1, required=True, metavar="RASTER...")
@click.option("-o", "--output", default="map.html", show_default=True, metavar="FILE", help="Where to write.")
@click.option(
    "--size",
    default=SIZE,
    show_default=True,
    type=click.IntRange(64, LARGEST),
    help="Longest side of a picture, pixels.",
)
@click.option("--title", help="Heading; default: the name of the first raster.")
@click.option("--pol", "polarisation", metavar="VV", help="Show this polarisation of SAR scenes alone.")
@scale_option
@click.option("--basemap", metavar="XYZ|NAME", help="Tiles below the layers; they need the network.")
@click.option("--attribution", help="What the makers of the base map want on the map.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def command(
    rasters: tuple[str, ...],
    output: str,
    size: int,
    *,
    title: str | None,
    polarisation: str | None,
    scale: str | None,
    basemap: str | None,
    attribution: str | None,
    overwrite: bool,
) -> None:
    """Write one HTML file that shows rasters on a map and needs no network: SAR, optical, expected error.

    RASTER is what `geosar translate` takes, what it wrote, or an optical image. SAR and optical can be swiped against
    each other; what is synthetic says so.
    """
    if len(rasters) > MOST_LAYERS:
        raise UsageError(f"{len(rasters)} rasters were given; a map holds {MOST_LAYERS} layers at most.")
    files: dict[str, str] = {str(number): raster for number, raster in enumerate(rasters)}
    target = plan_targets(files, output, overwrite=overwrite).image
    opening: dict[str, Any] = {"polarisation": polarisation, "scale": scale}
    layers = []
    for raster in rasters:
        click.echo(f"Reading {without_secrets(raster)}", err=True)
        layers += read_layers(raster, size, **opening)
    sar_map = SarMap(layers, title=title or title_of(layers), basemap=basemap, attribution=attribution)
    click.echo(sar_map.write(target))
