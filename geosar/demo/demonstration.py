"""What ``make demo`` shows first: translates real scenes, shows them beside the truth, and writes a map file.

``python -m geosar.demo FOLDER [--examples WHEEL] [--model MODEL]`` writes into FOLDER. The scenes are the example
patches of BigEarthNet and, where GEOSAR_DATA names a folder of data, its scene of Los Angeles.
``python -m geosar_tiler.demo`` does the same, and then serves the last of them.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import geosar
from geosar.demo.examples import unpack_examples
from geosar.demo.sheet import Panel, enlarged, optical_picture, write_sheet
from geosar.errors import GeosarError
from geosar.models import Model
from geosar.quicklook import radar_picture
from geosar.report import Progress as TranslationProgress
from geosar.report import TranslationReport
from geosar.vocabulary import DEFAULT_MODEL

SYNTHETIC = "The pictures named SYNTHETIC are a network's guess at the colours, not an observation."
_SIDE_SMALL = 240
_SIDE_LARGE = 640


@dataclass(frozen=True, slots=True)
class Place:
    """Radar to translate, by polarisation or as one file, and the true optical image to show beside the result."""

    name: str
    source: Path | Mapping[str, Path]
    truth: tuple[Path, ...]
    side: int


@dataclass(frozen=True, slots=True)
class TranslatedPlace:
    """A place with its translation and the pictures that compare them."""

    place: Place
    report: TranslationReport
    panels: tuple[Panel, ...]
    picture: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when all went well, 1 with the reason on stderr when not."""
    options = make_parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        demonstrate(options.folder, options.examples, os.environ.get("GEOSAR_DATA"), console, options.model)
    except GeosarError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"Error: {error}", markup=False)
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the demonstration's arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--examples", type=Path, help="a downloaded wheel of bigearthnet-common")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name, folder, zip or URL of a model")
    return parser


def demonstrate(
    folder: Path,
    wheel: Path | None,
    data: str | None,
    console: Console,
    model: str = DEFAULT_MODEL,
) -> list[TranslatedPlace]:
    """Translate every place into `folder`, with a progress bar, and tell what to open.

    Raises a GeosarError when the examples or the model are missing or a translation fails.
    """
    packaged = geosar.load_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    small = [Place(pair.name, pair.sar, pair.optical, _SIDE_SMALL) for pair in unpack_examples(folder / "input", wheel)]
    large = _los_angeles(data)
    with _bar(console) as bar:
        shown = [_show(place, packaged, folder, bar) for place in (*small, *large)]
    panels = [one.panels for one in shown[: len(small)]]
    two_a_row = [(*left, *right) for left, right in zip(panels[::2], panels[1::2], strict=True)]
    overview = write_sheet(folder / "overview.png", two_a_row, SYNTHETIC)
    _tell(shown, folder, overview, _write_map(shown[-1], folder), console)
    return shown


def _los_angeles(data: str | None) -> list[Place]:
    if not data:
        return []
    scenes = Path(data) / "scenes"
    radar, truth = scenes / "los_angeles_s1_vh.tif", scenes / "los_angeles_s2_rgb.tif"
    return [Place("los_angeles", radar, (truth,), _SIDE_LARGE)] if radar.is_file() and truth.is_file() else []


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("windows"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=console,
    )


def _show(place: Place, model: Model, folder: Path, bar: Progress) -> TranslatedPlace:
    task = bar.add_task(place.name, total=None, speed="")

    def advance(progress: TranslationProgress) -> None:
        # Of a scene of one window the rate says how long the engine took to start.
        rate = progress.megapixels_per_second if progress.windows_total > 1 else None
        speed = "" if rate is None else f"{rate:.1f} Mpx/s"
        bar.update(task, completed=progress.windows_done, total=progress.windows_total, speed=speed)

    report = geosar.translate(
        place.source,
        folder / f"{place.name}.tif",
        model=model,
        error_band=True,
        stac=True,
        overwrite=True,
        progress=advance,
    )
    bar.refresh()
    polarisation = report.polarisations[0]
    with geosar.open_scene(place.source) as scene:
        radar = radar_picture(scene.select(polarisation), side=place.side)
    panels = (
        Panel(f"{place.name}, Sentinel-1 {polarisation}", enlarged(radar, place.side)),
        Panel("translated, SYNTHETIC", enlarged(optical_picture([report.destination], place.side), place.side)),
        Panel("Sentinel-2, the truth", enlarged(optical_picture(place.truth, place.side), place.side)),
    )
    picture = write_sheet(folder / f"{place.name}.side-by-side.png", [panels], SYNTHETIC)
    return TranslatedPlace(place, report, panels, picture)


def _write_map(shown: TranslatedPlace, folder: Path) -> Path:
    """Write the map file of one place, with the true image beside the synthetic one where it is one file."""
    report, truth = shown.report, shown.place.truth
    reference = truth[0] if len(truth) == 1 else None
    page = geosar.show(
        shown.place.source, report.destination, report.error_band, reference=reference, title=shown.place.name
    )
    path: Path = page.write(folder / "map.html")
    return path


def _tell(shown: Sequence[TranslatedPlace], folder: Path, overview: Path, map_file: Path, console: Console) -> None:
    model = f"{shown[0].report.model} {shown[0].report.model_version}"
    console.print(
        f"\nTranslated by the model {model}, on Sentinel-1 {shown[0].report.polarisations[0]}:\n", markup=False
    )
    for one in shown:
        console.print(f"  {folder / one.report.destination.name}", markup=False)
    console.print("\nBeside each: its expected error (.error.tif) and a STAC item (.json). To look at:\n")
    console.print(f"  {overview}   all small places, radar | translation | truth", markup=False)
    large = [one for one in shown if one.place.side == _SIDE_LARGE]
    for one in large:
        console.print(f"  {one.picture}", markup=False)
    console.print(f"  {map_file}   {shown[-1].place.name} on a map, in any browser, without network", markup=False)
    console.print(f"\n{SYNTHETIC}")
    console.print("The small patches are 1.2 km wide, so the network sees little of what surrounds a field.")
    if large:
        console.print(
            "Much of Los Angeles was in the training set, so it flatters the model; the small patches were not."
        )
    else:
        console.print("With GEOSAR_DATA set to the project's data, the demo translates Los Angeles as well (16 Mpx).")
    console.print(f"\nOpen {overview} first, then the .tif files in QGIS.", markup=False)
