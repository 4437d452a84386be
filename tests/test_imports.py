"""The walls of the house: what may import what, and what an import may load."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import geosar

PACKAGE = Path(geosar.__file__).parent
ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src"
PLUGIN = ROOT / "qgis_plugin" / "geosar_qgis"
PAGE = ROOT / "webmap" / "page" / "js"

PACKAGES = ("geosar", "geosar_tiler", "geosar_training", "geosar_webmap")
WEB = {"fastapi", "starlette", "uvicorn", "titiler"}
LABORATORY = {"torch", "torchvision", "torchmetrics", "lightning_fabric", "nncf", "onnx", "tensorboard", "safetensors"}
UPSTAIRS = {
    "geosar_training",
    "geosar_tiler",
    "geosar_webmap",
    "geosar_qgis_plugin",
    "qgis_plugin",
    "geosar_qgis",
    "benchmarks",
    "tests",
    "helpers",
}

RUNS_ON_TORCH = {
    f"geosar/engines/{name}.py" for name in ("colouriser", "despeckling", "generator", "networks", "torch", "unet")
}
"""Loaded only when somebody asks for a device that needs PyTorch."""

LOADED_BY_NAME = {
    ("geosar/__init__.py", "geosar_webmap.mapfile.show"),
    ("geosar/cli/doctor.py", "geosar_tiler.state.machine"),
    ("geosar/cli/map.py", "geosar_webmap.mapfile.command"),
    ("geosar/cli/qgis_plugin.py", "geosar_qgis_plugin.build_zip"),
    ("geosar/cli/serve.py", "geosar_tiler.cli"),
}
"""The five doors upstairs: `geosar.show` and four commands, each of which loads the package that does it, when asked.

`geosar qgis-plugin` is the fifth: the plugin's sources are no part of geosar, and this command alone packs them.
"""

FLOORS = {
    "routes": {"middleware", "ingest", "tiles", "jobs", "state"},
    "ingest": {"tiles", "jobs", "state"},
    "tiles": {"state"},
    "jobs": {"state"},
    "state": set[str](),
    "middleware": set[str](),
}
"""The folders of the service, and those that each may import. What lies beside them binds them together."""

MOST_MODULES = 20


def imported(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every module that a file imports, inside functions and for types too, with the names taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


def sources(folder: Path) -> list[str]:
    """Python files of a package, relative to the package's parent."""
    return [path.relative_to(folder.parent).as_posix() for path in sorted(folder.rglob("*.py"))]


def module_of(name: str) -> str:
    """Name the module that a file holds."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def trespasses(folder: Path, forbidden: set[str], but: Mapping[str, set[str]] | None = None) -> dict[str, set[str]]:
    """Files that import what is forbidden, but for what is allowed to some, and what they import of it."""
    forbidden_of = {}
    for name in sources(folder):
        packages = {module.split(".")[0] for module, _ in imported(folder.parent / name)}
        forbidden_of[name] = (packages & forbidden) - (but or {}).get(name, set())
    return {name: imports for name, imports in forbidden_of.items() if imports}


def graph_of(folder: Path) -> dict[str, set[str]]:
    """The modules of a package, each with those of the same package that it imports."""
    files = {module_of(name): folder.parent / name for name in sources(folder)}
    graph = {}
    for module, path in files.items():
        imports = set[str]()
        for base, names in imported(path):
            of_base = {f"{base}.{name}" for name in names} & set(files)
            imports |= of_base
            if not names or len(of_base) < len(names):
                imports.add(base)
        graph[module] = (imports & set(files)) - {module}
    return graph


def graph_of_page() -> dict[str, set[str]]:
    """The modules of the web page, each with those that it imports, for types too."""
    relative = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']""")
    return {
        path.relative_to(PAGE).as_posix(): {
            (path.parent / target).resolve().relative_to(PAGE).as_posix()
            for target in relative.findall(path.read_text(encoding="utf-8"))
        }
        for path in PAGE.rglob("*.js")
    }


def in_circles(graph: Mapping[str, set[str]]) -> set[str]:
    """Modules that import themselves by way of others."""
    left = {module: set(imports) for module, imports in graph.items()}
    while free := {module for module, imports in left.items() if not imports & set(left)}:
        left = {module: imports for module, imports in left.items() if module not in free}
    while free := {module for module in left if not any(module in imports for imports in left.values())}:
        left = {module: imports for module, imports in left.items() if module not in free}
    return set(left)


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


def test_geosar_loads_five_modules_upstairs_by_their_names_and_no_others() -> None:
    named = re.compile(r"geosar_(?:qgis_plugin|training|tiler|webmap)(?:\.\w+)+")
    loads = {
        (name, node.value)
        for name in sources(PACKAGE)
        for node in ast.walk(ast.parse((PACKAGE.parent / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.fullmatch(node.value)
    }
    assert loads == LOADED_BY_NAME
    for _, module in LOADED_BY_NAME:
        assert SOURCES.joinpath(*module.split(".")).with_suffix(".py").is_file()


def test_geosar_leaves_pytorch_to_the_modules_that_run_on_it() -> None:
    allowed = {name: {"torch", "safetensors"} for name in RUNS_ON_TORCH}
    assert trespasses(PACKAGE, LABORATORY, allowed) == {}


def test_the_laboratory_imports_neither_the_web_nor_the_service() -> None:
    assert trespasses(SOURCES / "geosar_training", WEB | UPSTAIRS - {"geosar_training"}) == {}


def test_the_service_imports_neither_the_laboratory_nor_the_maps() -> None:
    assert trespasses(SOURCES / "geosar_tiler", LABORATORY | UPSTAIRS - {"geosar_tiler"}) == {}


def test_the_maps_import_neither_the_web_nor_the_service_nor_the_laboratory() -> None:
    assert trespasses(SOURCES / "geosar_webmap", WEB | LABORATORY | UPSTAIRS - {"geosar_webmap"}) == {}


def test_the_plugin_imports_what_qgis_brings_and_nothing_of_ours() -> None:
    brought = set(sys.stdlib_module_names) | {"qgis", "processing"}
    everything = {module.split(".")[0] for name in sources(PLUGIN) for module, _ in imported(PLUGIN.parent / name)}
    assert everything - brought == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    assert in_circles(graph_of(SOURCES / package)) == set()


def test_no_module_of_the_page_imports_itself_by_way_of_others() -> None:
    graph = graph_of_page()
    assert "map/mapview.js" in graph["scenestate.js"]
    assert in_circles(graph) == set()


def test_a_circle_would_be_found() -> None:
    chain = {"a": {"b"}, "b": {"c"}, "c": set[str]()}
    assert in_circles(chain) == set()
    assert in_circles({**chain, "c": {"b"}, "d": {"b"}}) == {"b", "c"}


def test_the_floors_of_the_service_stand_on_one_another() -> None:
    forbidden = {}
    for module, imports in graph_of(SOURCES / "geosar_tiler").items():
        _, floor, *_ = (*module.split("."), "")
        if floor in FLOORS:
            others = {name.split(".")[1] for name in imports} & set(FLOORS)
            forbidden[module] = others - FLOORS[floor] - {floor}
    assert {module: floors for module, floors in forbidden.items() if floors} == {}


def test_every_folder_of_modules_can_be_overlooked() -> None:
    folders = ("geosar", "tiler", "training", "webmap", "qgis_plugin", "tests", "benchmarks", "docs")
    sizes = Counter(
        path.parent.relative_to(ROOT).as_posix() for name in folders for path in (ROOT / name).rglob("*.py")
    )
    assert "tests/system/attack/storage" in sizes
    assert {folder: count for folder, count in sizes.items() if count > MOST_MODULES} == {}


def test_rasters_are_opened_in_one_place() -> None:
    """Where nothing that a raster names is followed."""
    modules = {name for package in PACKAGES for name in sources(SOURCES / package) if openings(SOURCES / name)}
    assert modules == {"geosar/scene/untrusted.py"}


def test_geosar_and_its_command_load_the_packages_upstairs_only_when_asked() -> None:
    assert not loaded_by("import geosar, geosar.cli, geosar.cli.map, geosar.cli.serve") & {
        "geosar_webmap",
        "geosar_tiler",
        "folium",
    }
    assert "geosar_webmap" in loaded_by("import geosar\ngeosar.show")


def test_importing_geosar_loads_nothing_heavy() -> None:
    heavy = {"numpy", "rasterio", "openvino", "pydantic", "pyproj", "pystac", "PIL", "imagecodecs", "torch"}
    assert not loaded_by("import geosar") & heavy


def test_every_module_but_those_on_pytorch_loads_without_it() -> None:
    modules = [
        module_of(name) for name in sources(PACKAGE) if name not in RUNS_ON_TORCH and not name.endswith("__main__.py")
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
