"""The one place where words for the user are translated: English in the code, other languages in i18n/."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "i18n"
_WORDS: dict[str, str] = {}


def speak(language: str) -> None:
    """Take the words of a language (de, de_AT); English where the plugin has none."""
    path = FOLDER / f"{language[:2]}.json"
    _WORDS.clear()
    if path.is_file():
        _WORDS.update(json.loads(path.read_text(encoding="utf-8")))


def tr(text: str) -> str:
    """Return a text in the language that is spoken; placeholders are {0}, {1}."""
    return _WORDS.get(text, text)
