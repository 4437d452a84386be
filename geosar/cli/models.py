"""``geosar models``: the built-in models, and what one says of itself."""

import json

import click

from geosar.cli.options import json_option
from geosar.models import list_models, load_model
from geosar.models.library import printable


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the built-in models, or show one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_command, as_json=False)


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """Print name, version and title of each built-in model."""
    manifests = [load_model(name).manifest for name in list_models()]
    if as_json:
        click.echo(json.dumps([{"name": m.name, "version": m.version, "title": m.title} for m in manifests], indent=2))
        return
    for manifest in manifests:
        click.echo(f"{manifest.name} {manifest.version}  {manifest.title}")
    if not manifests:
        click.echo("No model is built in; give --model the path or https URL of a packaged one.", err=True)


@command.command("show")
@click.argument("name")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Print what the model NAME (or a folder, zip or URL) says of itself, and its card."""
    model = load_model(name)
    manifest = model.manifest
    if as_json:
        values = manifest.model_dump(mode="json") | {"checksum": model.checksum, "folder": str(model.folder)}
        click.echo(json.dumps(values, indent=2))
        return
    accepts = " or ".join("+".join(one) for one in manifest.inputs.accepts)
    for key, value in (
        ("name", model.label), ("title", manifest.title), ("description", manifest.description),
        ("takes", f"{accepts}, at {manifest.ground_sampling_distance:g} m"), ("gives", ", ".join(manifest.outputs)),
        ("precision", ", ".join(role for role in manifest.files if role != "weights")), ("licence", manifest.licence),
        ("checksum", model.checksum), ("folder", str(model.folder)), *(("credit", one) for one in manifest.credit),
    ):  # fmt: skip
        click.echo(printable(f"{key:<12} {value}"))
    if model.card is not None:
        click.echo("\n" + model.card)
