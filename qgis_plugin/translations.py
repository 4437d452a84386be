"""Brings the plugin's .ts files up to date: `python qgis_plugin/translations.py [LANGUAGE ...]`.

Every text in tr("...") is a source text. What a file has translated already is kept, what is no longer used is dropped.
A new language is begun by naming it: `python qgis_plugin/translations.py de`.
"""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

FOLDER = Path(__file__).parent / "geosar_qgis"
CONTEXT = "geosar"
TEMPLATE = "geosar"


def texts() -> list[str]:
    """Return the source texts, each once, in the order of the files."""
    found: dict[str, None] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.setdefault(first.value)
    return list(found)


def document(language: str, known: dict[str, str]) -> str:
    """Make a .ts file of all source texts, with the translations that are known."""
    root = ET.Element("TS", {"version": "2.1", "sourcelanguage": "en"} | ({"language": language} if language else {}))
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for text in texts():
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = text
        translation = ET.SubElement(message, "translation", {} if known.get(text) else {"type": "unfinished"})
        translation.text = known.get(text)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{ET.tostring(root, encoding="unicode")}\n'


def translated(path: Path) -> dict[str, str]:
    """Read what a file has translated."""
    if not path.exists():
        return {}
    messages = ET.parse(path).getroot().iter("message")  # noqa: S314 - the project's own file
    return {
        str(one.findtext("source")): str(one.findtext("translation")) for one in messages if one.findtext("translation")
    }


def main() -> int:
    """Write the template, and every language that is there or named."""
    folder = FOLDER / "i18n"
    names = {path.stem.partition("_")[2] for path in folder.glob("*.ts")} | {""} | set(sys.argv[1:])
    for language in sorted(names):
        path = folder / (f"{TEMPLATE}_{language}.ts" if language else f"{TEMPLATE}.ts")
        known = translated(path) if language else {}
        path.write_text(document(language, known), encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(known)} of {len(texts())} texts are translated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
