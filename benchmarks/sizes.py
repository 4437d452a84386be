"""Sizes of the generator and precisions: quality against speed. Writes a table to ``benchmarks/SIZES.md``.

Needs GEOSAR_DATA and the runs that `MADE` begins with.
Each run is packaged into --scratch, scored as a user gets it, and timed alone on all cores, one after another.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from speed import part, processor

MADE = """Re-made by
```
geosar-train benchmark --pairs $GEOSAR_DATA/pairs --pairs $GEOSAR_DATA/pairs_grey -o RUNS \\
    --updates 400 --threads 1 --register $(printf -- " --config training/configs/sizes/%s.yaml" small medium large)
python benchmarks/sizes.py RUNS
```
"""

HERE = Path(__file__).parent
SIZES = ("small", "medium", "large")


def packaged(checkpoint: Path, pairs: Path, output: Path) -> dict[str, Any]:
    """Package a checkpoint, unless that is done; returns its manifest."""
    if not (output / "manifest.json").is_file():
        command = ["export", str(checkpoint), "--pairs", str(pairs), "--name", output.name, "-o", str(output)]
        subprocess.run([sys.executable, "-c", "from geosar_training.cli import train; train()", *command], check=True)
    manifest: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return manifest


def main() -> None:
    """Package, score and time every size in both precisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="folder of the benchmark's runs")
    parser.add_argument("--scratch", type=Path, default=Path("build/sizes"))
    arguments = parser.parse_args()
    data = os.environ.get("GEOSAR_DATA")
    if not data:
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/.")
    rows = []
    for size in SIZES:
        folder = arguments.scratch / size
        manifest = packaged(arguments.runs / size / "last.pt", Path(data) / "pairs", folder)
        weights = (folder / "weights.safetensors").stat().st_size / 4e6
        for precision, label in (("float32", "torch float32"), ("int8", "int8")):
            score = manifest["metrics"]["validation"][f"{size} ({label})"]["volkov"]
            rate, memory = part("engine_alone", "--model", str(folder), "--precision", precision)
            rows.append(
                f"| {size}, {precision} | {weights:.2f} M | {rate:.2f} | {memory:.0f} | {score['psnr_matched']:.2f} "
                f"| {score['ssim_matched']:.3f} | {score['psnr_80m_matched']:.2f} |"
            )
    updates = manifest["training"]["updates"]
    how = (
        f"The first stage (L1) of each size for {updates} updates, on the `volkov` tiles of the validation split, "
        f"tone-matched; the engine alone on {os.cpu_count()} cores of {processor()}."
    )
    columns = ("network", "weights", "Mpx/s", "peak memory, MiB", "PSNR dB", "SSIM", "over 80 m")
    head = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    text = "\n".join(["# Size of the network, quality and speed", "", how, "", *head, *rows, "", MADE])
    (HERE / "SIZES.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
