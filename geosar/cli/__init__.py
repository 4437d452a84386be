"""The command ``geosar``: each of its commands lives in a module of its own, imported when it is run."""

import os
from importlib import import_module

import click

import geosar
from geosar.cli.running import exiting

# Read when NumPy is first imported. The systems that are solved here (placements through control points) are small; on
# a busy machine threads that wait for each other took fifty times as long for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_COMMANDS = {
    "translate": ("geosar.cli.translate", "Translate SAR rasters into optical-looking COGs."),
    "info": ("geosar.cli.info", "Say what a scene is, and what the model will do with it."),
    "map": ("geosar.cli.map", "Write rasters as one map file that opens in a browser, without network."),
    "models": ("geosar.cli.models", "List models, show one, put one on a running service."),
    "serve": ("geosar.cli.serve", "Serve scenes, translation jobs and map tiles over HTTP."),
    "qgis-plugin": ("geosar.cli.qgis_plugin", "Write the zip of the QGIS plugin."),
    "doctor": ("geosar.cli.doctor", "Say what is installed, what works here, and what is missing."),
}


class _LazyGroup(click.Group):
    """Knows the commands' names and one line of each; imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(geosar.__version__, prog_name="geosar")
def group() -> None:
    """Turn SAR rasters into optical-looking Cloud-Optimized GeoTIFFs that say that they are synthetic."""


main = exiting(group)
