"""Speed and memory of a translation beside what people do today: writes a table to ``benchmarks/RESULTS.md``.

Run by ``make bench``; needs GEOSAR_DATA (the real Los Angeles scene), about 8 GB of disk in --scratch and half
an hour on two cores. Every row is a process of its own; peak memory is what the kernel counted for it.
"""

import argparse
import datetime as dt
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from scenes import interferometric_wide, repeated

HERE = Path(__file__).parent
LIBRARIES = ("geosar", "openvino", "rasterio", "numpy", "imagecodecs", "torch", "monai")


def run(command: list[str]) -> tuple[str, float, float]:
    """Run to its end: what it printed, its seconds, and the peak memory of its process in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed with status {status}")
    return printed, time.perf_counter() - started, usage.ru_maxrss / 1024


def part(what: str, *options: str) -> tuple[float, float]:
    """Megapixels a second and peak MiB of one measurement of ``engines.py``."""
    printed, _, memory = run([sys.executable, str(HERE / "engines.py"), what, *options])
    return float(json.loads(printed.splitlines()[-1])["megapixels_per_second"]), memory


def translate(scene: Path, target: Path, *options: str) -> tuple[float, float, float]:
    """Megapixels a second (of the whole process), peak MiB and seconds of ``translate-geotiff``."""
    command = [sys.executable, "-m", "geosar.cli", "translate", str(scene), "-o", str(target), "--overwrite", *options]
    printed, seconds, memory = run([*command, "--progress", "json"])
    del printed
    import rasterio

    with rasterio.open(target) as dataset:
        megapixels = dataset.width * dataset.height / 1e6
    return megapixels / seconds, memory, seconds


def main() -> None:
    """Measure everything in one run and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("build/bench"))
    parser.add_argument("--model", default="s1-rgb")
    parser.add_argument("--quick", action="store_true", help="without the full IW scene and the 400 Mpx scene")
    arguments = parser.parse_args()
    data = os.environ.get("GEOSAR_DATA")
    if not data:
        sys.exit("Set GEOSAR_DATA to the folder that holds scenes/los_angeles_s1_vh.tif.")
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    source = Path(data) / "scenes" / "los_angeles_s1_vh.tif"
    output = arguments.scratch / "out.tif"
    model = ("--model", arguments.model)

    scene_40, scene_100 = (repeated(source, size, arguments.scratch / f"la_{size}.tif") for size in (40, 100))
    engine, engine_memory = part("engine_alone", *model)
    engine_f32, engine_f32_memory = part("engine_alone", *model, "--precision", "float32")
    whole, whole_memory, _ = translate(scene_100, output, *model)
    small, small_memory, _ = translate(scene_40, output, *model)
    monai, monai_memory = part("torch_sliding_window", *model, "--scene", str(scene_100), "--output", str(output))
    pix2pix, pix2pix_memory = part("pix2pix")
    engine_again, _ = part("engine_alone", *model)
    rows = [
        (
            "(a) engine alone, int8, windows of 2048 x 2048 and margin in memory, before / after",
            f"{engine:.2f} / {engine_again:.2f}",
            engine_memory,
        ),
        ("(a') engine alone, float32", f"{engine_f32:.2f}", engine_f32_memory),
        ("(b) `translate-geotiff`, whole process, 110 Mpx", f"{whole:.2f}", whole_memory),
        ("(b') the same, 47 Mpx", f"{small:.2f}", small_memory),
        ("(c) same network, torch float32, MONAI sliding window 512 at 0.25, rasterio", f"{monai:.2f}", monai_memory),
        ("(d) pix2pix U-Net-256, 64 filters, torch eager, 256 x 256", f"{pix2pix:.2f}", pix2pix_memory),
    ]
    notes = [
        (
            f"(b) is {2 * whole / (engine + engine_again):.2f} of (a), {whole / monai:.1f} times (c), "
            f"{whole / pix2pix:.1f} times (d)."
        ),
    ]
    if not arguments.quick:
        large, large_memory, _ = translate(repeated(source, 400, arguments.scratch / "la_400.tif"), output, *model)
        rows.append(("(e) `translate-geotiff`, 409 Mpx", f"{large:.2f}", large_memory))
        iw, iw_memory, seconds = translate(
            interferometric_wide(source, arguments.scratch / "iw.tif"), output, *model, "--pol", "VH"
        )
        rows.append(
            (f"(f) full IW scene, GCPs, two polarisations, warped to UTM ({seconds:.0f} s)", f"{iw:.2f}", iw_memory)
        )
        notes.append(f"Peak memory at 409 Mpx is {large_memory / small_memory:.2f} times that at 47 Mpx.")
    table = ["| what | Mpx/s | peak memory, MiB |", "|---|---|---|"]
    table += [f"| {name} | {rate} | {memory:.0f} |" for name, rate, memory in rows]
    text = "\n".join([
        "# Speed and memory", "",
        f"Measured {dt.datetime.now(tz=dt.UTC):%Y-%m-%d} on {os.cpu_count()} cores of {processor()}, "
        f"{platform.system()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES if installed(name)) + ".", "",
        *table, "", *notes, "",
        "Re-made by `make bench` with GEOSAR_DATA set. Compare the ratios: they come from one run on one machine.", "",
    ])  # fmt: skip
    (HERE / "RESULTS.md").write_text(text)
    print(text)


def processor() -> str:
    """The processor's model name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def installed(name: str) -> bool:
    """Whether a distribution is there."""
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
