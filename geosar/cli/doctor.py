"""``geosar doctor``: what is installed, what works here, what is missing."""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
from types import ModuleType
from typing import Any

import click
import imagecodecs
import openvino
import rasterio

import geosar
from geosar.cli.options import json_option
from geosar.cli.running import describe
from geosar.engines import open_engine, resolve_device
from geosar.errors import GeosarError
from geosar.models import list_models, load_model

LIBRARIES = ("rasterio", "numpy", "openvino", "imagecodecs", "rio-cogeo", "pyproj", "pydantic", "pystac", "click")
OPTIONAL = {"torch": "graphics cards and training", "safetensors": "graphics cards and training"}
DRIVERS = ("GTiff", "COG", "VRT", "SAFE", "JP2OpenJPEG", "PNG")
CODECS = ("ZSTD", "DEFLATE", "LZW", "JPEG", "WEBP")


@click.command("doctor")
@json_option
def command(as_json: bool) -> int:
    """Say what is installed, what works here, and what is missing. Exit code 1 when something needed is."""
    checks = examine()
    if as_json:
        click.echo(json.dumps(checks, indent=2))
    else:
        for section in ("versions", "gdal", "gdal of the service", "engines", "models", "machine"):
            click.echo(f"{section}:")
            width = max([14, *map(len, checks[section])])
            for name, value in checks[section].items():
                click.echo(f"  {name:<{width}} {value}")
        for problem in checks["problems"]:
            click.echo(f"missing: {problem}")
        click.echo("Something is missing, see above." if checks["problems"] else "Everything needed is here.")
    return 1 if checks["problems"] else 0


def examine() -> dict[str, Any]:
    """Look at everything that a translation needs; ``problems`` lists what would stop one."""
    problems: list[str] = []
    versions = {"geosar": geosar.__version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in LIBRARIES}
    for name, use in OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        versions[name] = importlib.metadata.version(name) if there else f"not installed (optional: {use})"
    with rasterio.Env() as env:
        drivers = env.drivers()
    problems += [f"GDAL's driver {name}" for name in ("GTiff", "VRT") if name not in drivers]
    problems += [f"the codec {name} of imagecodecs" for name in CODECS if not getattr(imagecodecs, name).available]
    gdal = {
        "version": rasterio.__gdal_version__,
        "drivers": f"{len(drivers)}, among them {', '.join(name for name in DRIVERS if name in drivers)}",
        "not there": ", ".join(name for name in DRIVERS if name not in drivers) or "-",
    }
    models, engines = _models_and_engines(problems)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = ", ".join(openvino.Core().available_devices)
    service = importlib.import_module("geosar_tiler.state.machine")  # a package of its own, asked only here
    machine = {"system": platform.platform(), "threads": threads, "openvino": devices, "uploads": service.confined()}
    machine["elevation model"] = _elevation_model(service, problems)
    return {
        "versions": versions, "gdal": gdal, "gdal of the service": service.gdal_options(), "engines": engines,
        "models": models, "machine": machine, "problems": problems,
    }  # fmt: skip


def _elevation_model(service: ModuleType, problems: list[str]) -> str:
    try:
        return str(service.elevation_model())
    except GeosarError as error:
        problems.append(describe(error))
        return "cannot be used"


def _models_and_engines(problems: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    models: dict[str, str] = {}
    engines: dict[str, str] = {}
    for name in list_models():
        try:
            model = load_model(name)
            models[name] = f"{model.manifest.version}, {', '.join(sorted(model.manifest.files))}, checksums right"
            engines[f"for {name}"] = resolve_device(model, "auto")
            for precision in ("int8", "float32"):
                if precision in model.manifest.files:
                    engines[precision] = f"{open_engine(model, 'cpu', precision).name} on the CPU, works"
        except GeosarError as error:
            problems.append(f"the model {name}: {describe(error)}")
    if not models:
        problems.append("no built-in model; give --model the path or https URL of a packaged one")
    return models, engines
