"""Brings the plugin's languages up to date: `python qgis_plugin/translations.py [LANGUAGE ...]`.

Every text in tr("...") is a source text. What a language has already is kept, what is no longer used is dropped, and
what is missing is "" in i18n/LANGUAGE.json, to be filled in. A new language is begun by naming it: `... fr`.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "geosar_qgis"


def texts() -> list[str]:
    """Return the source texts, each once, in the order of the files."""
    sources: dict[str, None] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    sources.setdefault(first.value)
    return list(sources)


def document(known: dict[str, str]) -> str:
    """Make a language's file of all source texts, with the translations that are known."""
    return json.dumps({text: known.get(text, "") for text in texts()}, ensure_ascii=False, indent=2) + "\n"


def main() -> int:
    """Write every language that is there or named, and say what is missing."""
    folder = FOLDER / "i18n"
    for language in sorted({path.stem for path in folder.glob("*.json")} | set(sys.argv[1:])):
        path = folder / f"{language}.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(document(known), encoding="utf-8")
        missing = [text for text in texts() if not known.get(text)]
        sys.stdout.write(f"{path.name}: {len(missing)} of {len(texts())} texts are not translated\n")
        sys.stdout.writelines(f"  {text}\n" for text in missing)
    return 0


if __name__ == "__main__":
    sys.exit(main())
