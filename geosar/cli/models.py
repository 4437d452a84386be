"""``geosar models``: the built-in models and those of a service, and what one says of itself."""

import json

import click

from geosar.cli.options import json_option
from geosar.models import list_models, load_model
from geosar.models.library import printable
from geosar.models.publish import KEY, publish_model, published_models, withdraw_model

_AT = f"URL of a running service; its key is taken from {KEY}."


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List models, show one, put one on a running service."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_command, as_json=False)


@command.command("list")
@json_option
@click.option("--service", metavar="URL", help=_AT)
def list_command(as_json: bool, service: str | None = None) -> None:
    """Print name, version and title of each built-in model, or of those that a service has."""
    if service is None:
        manifests = [load_model(name).manifest for name in list_models()]
        models = [{"name": m.name, "version": m.version, "title": m.title} for m in manifests]
    else:
        models = [{key: m[key] for key in ("name", "version", "title")} for m in published_models(service)]
    if as_json:
        click.echo(json.dumps(models, indent=2))
        return
    for model in models:
        click.echo(printable(f"{model['name']} {model['version']}  {model['title']}"))
    if not models:
        click.echo("No model is built in; give --model the path or https URL of a packaged one.", err=True)


@command.command("add")
@click.argument("model")
@click.option("--service", metavar="URL", required=True, help=_AT)
def add_command(model: str, service: str) -> None:
    """Send MODEL (a packaged model's folder or zip) to a service, where it is chosen as any other."""
    answer = publish_model(model, service)
    click.echo(f"{answer['name']} {answer['version']} is on {service}: choose it where a scene is translated.")


@command.command("remove")
@click.argument("name")
@click.option("--service", metavar="URL", required=True, help=_AT)
def remove_command(name: str, service: str) -> None:
    """Remove the model NAME, which was sent to a service; what it translated stays."""
    withdraw_model(name, service)
    click.echo(f"{name} is no longer on {service}.")


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
        ("precision", ", ".join(manifest.precisions)), ("licence", manifest.licence),
        ("checksum", model.checksum), ("folder", str(model.folder)), *(("credit", one) for one in manifest.credit),
    ):  # fmt: skip
        click.echo(printable(f"{key:<12} {value}"))
    if model.card is not None:
        click.echo("\n" + model.card)
