"""``geosar info``: what a scene is, and what the model will do with it."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from geosar.cli.options import json_option, model_option, scene_options, split_polarisations
from geosar.scene_info import describe_scene


@click.command("info")
@click.argument("scene", required=False)
@model_option
@scene_options
@json_option
def command(
    scene: str | None,
    model: str,
    polarisations: tuple[tuple[str, str | None], ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Say what SCENE is (grid, unit, polarisations, statistics), and what the model will do with it."""
    files, polarisation = split_polarisations(polarisations)
    if (scene is None) == (not files):
        raise click.UsageError("give one scene, or its files by polarisation (--pol VV=... --pol VH=...)")
    source: str | dict[str, str] = files or scene or ""
    description = describe_scene(source, model=model, polarisation=polarisation, **options)
    if as_json:
        click.echo(json.dumps(description, indent=2))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in _rows(description):
        table.add_row(name, value)
    Console(highlight=False, markup=False).print(table)


def _rows(description: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in description.items():
        if key == "evidence":
            rows += [("evidence" if not number else "", _evidence(one)) for number, one in enumerate(value)]
            continue
        name = key.replace("_", " ")
        if isinstance(value, list) and value and isinstance(value[0], str):
            rows += [(name if not number else "", text) for number, text in enumerate(value)]
        elif isinstance(value, dict):
            for inner, figures in value.items():
                text = ", ".join(f"{k} {v:.4g}" for k, v in figures.items()) if isinstance(figures, dict) else figures
                rows.append((f"{name} {inner}".replace("_", " "), str(text)))
        elif value not in (None, []):
            rows.append((name, " ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows


def _evidence(one: dict[str, Any]) -> str:
    whose = f" of {one['band']}" if one["band"] else ""
    against = f", refuted: {one['refuted']}" if one["refuted"] else ""
    return f"{one['about']}{whose} {one['value']}, by {one['source'].replace('_', ' ')}: {one['words']}{against}"
