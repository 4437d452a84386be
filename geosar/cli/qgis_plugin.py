"""``geosar qgis-plugin``: writes the zip of the QGIS plugin, whose sources come with geosar."""

import importlib
from pathlib import Path

import click

from geosar.errors import TargetError


@click.command("qgis-plugin")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the zip; by default the current one.",
)
def command(out: Path) -> None:
    """Write the zip of the QGIS plugin; in QGIS: Plugins, Manage and Install, Install from ZIP."""
    packaging = importlib.import_module("geosar_qgis_plugin.build_zip")
    try:
        path = packaging.build(out)
    except OSError as error:
        raise TargetError(f"the zip cannot be written into {out}: {error.strerror}.") from error
    click.echo(path)
