"""The reference of the API as a page, at /docs: written here from the service's own description, without any script.

So it needs no network, and nothing of others runs in the reader's browser. Routes of several layers are told once.
"""

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from geosar_tiler import layer_kinds

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#dde2e8, #2d3742); --soft: light-dark(#56626f, #9fadba) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 6rem }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line) }
details { border-bottom: 1px solid var(--line); padding: .3rem 0 }
summary { cursor: pointer }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .6rem; overflow-wrap: normal }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-top: 1px solid var(--line) }
b { display: inline-block; min-width: 4.2rem }
small, .said { color: var(--soft) }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
DEEPEST = 2
"""Objects in objects of a body that are told of."""
_OF_LAYER = re.compile(rf"^(/scenes/{{scene_id}})/({layer_kinds.IN_PATHS})(?=/)")


@dataclass
class Operation:
    """One method of one path, of all the layers that have it."""

    method: str
    path: str
    description: dict[str, Any]
    layers: list[str] = field(default_factory=list)
    parameters: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


def serve(app: FastAPI) -> None:
    """Serve the page at /docs; /redoc leads to it."""
    written: dict[str, str] = {}

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        if root not in written:
            written[root] = page(app.openapi(), root)
        return HTMLResponse(written[root], headers={"Content-Security-Policy": POLICY})

    @app.get("/redoc", include_in_schema=False)
    def redoc(request: Request) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/docs", 308)


def operations(description: dict[str, Any]) -> dict[str, list[Operation]]:
    """Sort what there is by its tag; routes of layers, which differ in the layer alone, are one."""
    operations_by_tag: dict[tuple[str, str], Operation] = {}
    for path, methods in description["paths"].items():
        layer = _OF_LAYER.match(path)
        general = _OF_LAYER.sub(r"\1/{layer}", path)
        for method, operation in methods.items():
            one = operations_by_tag.setdefault((general, method), Operation(method.upper(), general, operation))
            one.layers += [layer.group(2)] if layer else []
            one.parameters |= {(each["in"], each["name"]): each for each in operation.get("parameters", ())}
    tags: dict[str, list[Operation]] = {}
    for one in operations_by_tag.values():
        tag = "Layers" if one.layers else str(next(iter(one.description.get("tags", ())), "Service"))
        tags.setdefault(tag, []).append(one)
    return tags


def page(description: dict[str, Any], root: str) -> str:
    """Write the whole page for a service that is shown under `root`."""
    info = description["info"]
    tags = operations(description)
    schemas = description.get("components", {}).get("schemas", {})
    title = f"{_text(info['title'])} {_text(info['version'])}"
    return "".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<link rel="icon" href="{_text(root)}/logo.svg" type="image/svg+xml">',
            f"<style>{STYLE}</style></head><body><h1>{title}</h1><p>{_text(info.get('description', ''))}</p>",
            f'<p>For programs: <a href="{_text(root)}/openapi.json">openapi.json</a></p><p>',
            " · ".join(f'<a href="#{_anchor(tag)}">{_text(tag)}</a>' for tag in tags),
            "</p>",
            *(part for tag, all_of in tags.items() for part in _section(tag, all_of, schemas, root)),
            "</body></html>",
        ]
    )


def _section(tag: str, all_of: Iterable[Operation], schemas: dict[str, Any], root: str) -> Iterator[str]:
    yield f'<h2 id="{_anchor(tag)}">{_text(tag)}</h2>'
    for one in all_of:
        yield f"<details><summary><b>{one.method}</b><code>{_text(root + one.path)}</code>"
        yield f" <small>{_text(one.description.get('summary', ''))}</small></summary>"
        yield f"<p>{_text(one.description.get('description', ''))}</p>"
        if one.layers:
            yield f'<p class="said">Layers: {_text(", ".join(dict.fromkeys(one.layers)))}</p>'
        yield _table(
            (name, f"{where}, needed" if each.get("required") else where, each.get("schema", {}),
             each.get("description", ""))
            for (where, name), each in one.parameters.items()
        )  # fmt: skip
        for kind, content in one.description.get("requestBody", {}).get("content", {}).items():
            yield f'<p class="said">Body: {_text(kind)}</p>' + _body(content.get("schema", {}), schemas)
        yield "</details>"


def _body(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    return _table(_members(schema, schemas, ""))


def _members(schema: dict[str, Any], schemas: dict[str, Any], before: str) -> Iterator[tuple[str, str, Any, str]]:
    """Return the members of an object and of the objects in it: name, whether it is needed, schema, what it is."""
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    for name, each in named.get("properties", {}).items():
        yield before + name, "needed" if name in named.get("required", ()) else "", each, each.get("description", "")
        if "$ref" in each and before.count(".") < DEEPEST:
            yield from _members(each, schemas, f"{before}{name}.")


def _table(rows: Iterable[tuple[str, str, dict[str, Any], str]]) -> str:
    cells = [
        f"<tr><td><code>{_text(name)}</code></td><td>{_text(where)}</td><td><code>{_text(kind_of(schema))}</code></td>"
        f"<td>{_text(text)}</td></tr>"
        for name, where, schema, text in rows
    ]
    return f"<table>{''.join(cells)}</table>" if cells else ""


def kind_of(schema: dict[str, Any]) -> str:
    """Say in a few words what a value may be.

    >>> kind_of({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 30}, {"type": "null"}], "default": 3})
    'integer, 0 to 30 = 3'
    >>> kind_of({"type": "array", "items": {"enum": ["png", "tif"]}}), kind_of({"$ref": "#/components/schemas/Box"})
    ('array of png | tif', 'Box')
    """
    default = schema.get("default")
    words = _kind(schema)
    return words if default is None else f"{words} = {default}"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[name] if one.get("type") != "null"))
    if schema.get("type") == "array":
        return f"array of {_kind(schema['items'])}" if "items" in schema else "array"
    least, most = (schema.get(name, schema.get(f"exclusive{name.title()}")) for name in ("minimum", "maximum"))
    limits = f", {'' if least is None else least} to {'' if most is None else most}" if least != most else ""
    return str(schema.get("type", "any")) + limits


def _anchor(tag: str) -> str:
    return re.sub(r"\W+", "-", tag.lower())


def _text(value: Any) -> str:
    return html.escape(str(value))
