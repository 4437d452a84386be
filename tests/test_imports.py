"""The walls of the house: what may import what, and what an import may load."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import geosar

PACKAGE = Path(geosar.__file__).parent
ROOT = Path(__file__).parent.parent

WEB = {"fastapi", "starlette", "uvicorn", "titiler"}
LABORATORY = {"torch", "torchvision", "torchmetrics", "lightning_fabric", "nncf", "onnx", "tensorboard", "safetensors"}
UPSTAIRS = {"training", "tiler", "webmap", "qgis_plugin", "benchmarks", "tests"}

RUNS_ON_TORCH = {"geosar/engines/torch.py", "geosar/engines/generator.py", "geosar/engines/despeckling.py"}
"""Loaded only when somebody asks for a device that needs PyTorch."""


def imported(path: Path) -> Iterator[str]:
    """Top-level names of everything that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def sources(folder: Path) -> list[str]:
    """Python files of a package, relative to the package's parent."""
    return [path.relative_to(folder.parent).as_posix() for path in sorted(folder.rglob("*.py"))]


def trespasses(folder: Path, forbidden: set[str], but: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """Files that import what is forbidden, but for what is allowed to some, and what they import of it."""
    found = {
        name: (set(imported(folder.parent / name)) & forbidden) - (but or {}).get(name, set())
        for name in sources(folder)
    }
    return {name: imports for name, imports in found.items() if imports}


def openings(path: Path) -> set[int]:
    """Lines on which a file opens a raster with rasterio, other than to write one ("w") or of memory."""
    return {
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"rasterio.open", "DatasetReader"}
        and not any(isinstance(argument, ast.Constant) and argument.value == "w" for argument in node.args)
    }


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after this code."""
    program = f"import json, sys\n{code}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_geosar_imports_neither_the_web_nor_what_stands_on_it() -> None:
    assert trespasses(PACKAGE, WEB | UPSTAIRS) == {}


def test_geosar_leaves_pytorch_to_the_modules_that_run_on_it() -> None:
    allowed = {name: {"torch", "safetensors"} for name in RUNS_ON_TORCH}
    assert trespasses(PACKAGE, LABORATORY, allowed) == {}


def test_the_laboratory_imports_neither_the_web_nor_the_service() -> None:
    assert trespasses(ROOT / "training", WEB | UPSTAIRS - {"training"}) == {}


def test_the_maps_import_neither_the_web_nor_the_service_nor_the_laboratory() -> None:
    assert trespasses(ROOT / "webmap", WEB | LABORATORY | UPSTAIRS - {"webmap"}) == {}


def test_rasters_are_opened_in_one_place() -> None:
    """Where nothing that a raster names is followed; warping opens a description that it has written itself."""
    found = {
        name
        for package in ("geosar", "tiler", "training", "webmap")
        for name in sources(ROOT / package)
        if openings(ROOT / name)
    }
    assert found == {"geosar/untrusted.py", "geosar/warping.py"}


def test_geosar_and_its_command_load_the_packages_upstairs_only_when_asked() -> None:
    assert not loaded_by("import geosar, geosar.cli, geosar.cli.map, geosar.cli.serve") & {"webmap", "tiler", "folium"}
    assert "webmap" in loaded_by("import geosar\ngeosar.show")


def test_importing_geosar_loads_nothing_heavy() -> None:
    heavy = {"numpy", "rasterio", "openvino", "pydantic", "pystac", "PIL", "imagecodecs", "torch"}
    assert not loaded_by("import geosar") & heavy


def test_every_module_but_those_on_pytorch_loads_without_it() -> None:
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in sources(PACKAGE)
        if name not in RUNS_ON_TORCH and not name.endswith("__main__.py")
    ]
    # A module that is None in sys.modules cannot be imported: this is an environment without it.
    blocked = f"sys.modules.update(dict.fromkeys({sorted(LABORATORY | WEB)!r}))"
    imports = "\n".join(f"import {name}" for name in modules)
    assert "rasterio" in loaded_by(f"{blocked}\n{imports}")


def test_no_use_is_reported_to_anybody() -> None:
    # OpenVINO sends what it calls telemetry through this package, where it can be imported.
    assert "openvino" in loaded_by("import geosar.engines.openvino\nassert sys.modules['openvino_telemetry'] is None")


@pytest.mark.parametrize("name", geosar.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(geosar, name) is not None
    assert name in dir(geosar)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="colourise"):
        _ = geosar.colourise
