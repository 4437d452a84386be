"""The plugin and Qt 6, which QGIS 4 is built on: by name, and in a process with real Qt 6 widgets and network."""

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

SOURCES = sorted((Path(__file__).parents[3] / "qgis_plugin" / "geosar_qgis").rglob("*.py"))
SESSION = Path(__file__).with_name("qt6_session.py")


def test_from_a_connection_to_a_layer_on_qt_6(served: Any, make_sar: Any, tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    scene = make_sar("on_qt_6_vv.tif", seed=71)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("QGIS_", "PYTHONPATH"))}
    ran = subprocess.run(
        [sys.executable, str(SESSION), served.url, str(scene), str(picture)],
        env=environment | {"QT_QPA_PLATFORM": "offscreen"}, check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert ran.stdout.splitlines()[-1:] == ["all well"], ran.stdout + ran.stderr
    assert picture.stat().st_size > 5000


def names_used() -> set[tuple[str, str]]:
    """Everything the plugin takes from Qt: module, and dotted name (QFrame.Shape.Box)."""
    names = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        homes = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt."):
                homes |= {alias.name: str(node.module).rpartition(".")[2] for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                dotted = ast.unparse(node)
                if dotted.split(".")[0] in homes and dotted.replace(".", "").isidentifier():
                    names.add((homes[dotted.split(".")[0]], dotted))
        names |= {(home, name) for name, home in homes.items()}
    return names


def test_all_it_takes_from_qt_is_in_qt_6_too() -> None:
    missing = []
    for module, dotted in sorted(names_used()):
        here: Any = import_module(f"PyQt6.{module}")
        try:
            for name in dotted.split("."):
                here = getattr(here, name)
        except AttributeError:
            missing.append(f"{module}: {dotted}")
    absent = {"QtCore: QVariant.LongLong", "QtCore: QVariant.String"}  # qgis.PyQt brings these two back
    assert set(missing) <= absent


def test_enums_are_scoped_and_what_qt_6_dropped_is_not_used() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    for word in (
        ".exec_(",
        "PyQt5",
        "PyQt6",
        "QRegExp",
        "resources_rc",
        "QAction(",
        "urllib.request",
        "import requests",
        "setTimeSpec(",
    ):
        assert word not in text, word
