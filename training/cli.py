"""Commands of the laboratory: ``geosar-train`` and ``geosar-evaluate``.

Each command's module is imported only when it is asked for, so that ``fit`` runs on a machine that has torch
but neither pydantic, rasterio nor OpenVINO.
"""

from importlib import import_module

import click

COMMANDS = ("benchmark", "export", "falsecolour", "fit", "prepare")


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        return _command(cmd_name) if cmd_name in COMMANDS else None


@click.group(cls=_Group)
def train() -> None:
    """Train a network on pairs of SAR and optical patches, and package it."""


def evaluate() -> None:
    """Run ``geosar-evaluate``."""
    try:
        command = _command("evaluate")
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    command.main(prog_name="geosar-evaluate")


def _command(name: str) -> click.Command:
    try:
        module = import_module(f"geosar_training.commands.{name}")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not installed. Install the laboratory with: pip install 'geosar[train]'"
        ) from error
    command: click.Command = getattr(module, name)
    return command
