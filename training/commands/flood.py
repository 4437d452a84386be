"""``geosar-evaluate flood``: what colorizing does to flood mapping (after Aburaed et al. 2024)."""

from pathlib import Path

import click
from tqdm import tqdm

from geosar.models import load_model
from geosar.vocabulary import DEFAULT_MODEL
from geosar_training.commands.options import FOLDER, plain_errors, threads_option, use_threads
from geosar_training.flood.chips import read_chips
from geosar_training.flood.inputs import INPUTS, colorize
from geosar_training.flood.report import write_study
from geosar_training.flood.segmenter import Schedule
from geosar_training.flood.study import run_study
from geosar_training.packaging.translators import engine_translator


@click.command()
@click.argument("model", default=DEFAULT_MODEL)
@click.option(
    "--chips",
    "folders",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help="Folder of labelled chips: your own, OMBRIA's or Sen1Floods11's; may be given again.",
)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the report.")
@click.option("--precision", type=click.Choice(["int8", "float32"]), default="int8", show_default=True)
@click.option(
    "--updates",
    type=click.IntRange(min=0),
    default=Schedule.updates,
    show_default=True,
    help="Of each U-Net; 0 leaves them out.",
)
@click.option("--width", type=click.IntRange(min=1), default=Schedule.width, show_default=True, help="Of each U-Net.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=Schedule.seeds, show_default=True, help="U-Nets for each input."
)
@threads_option
def flood(
    *,
    model: str,
    folders: tuple[Path, ...],
    output: Path,
    precision: str,
    updates: int,
    width: int,
    seeds: int,
    threads: int | None,
) -> None:
    """Find water from radar, from what MODEL colorizes it to, from both, and from optical images, on equal terms.

    By thresholds and by one small U-Net, fitted on the chips of the split train and scored on all others.
    """
    use_threads(threads)
    with plain_errors():
        packaged = load_model(model)
        reference = packaged.manifest.inputs.reference.get("VV")
        chips = [chip for folder in folders for chip in read_chips(folder, reference, _left_out)]
        colours = colorize(engine_translator(packaged, precision), chips)
        schedule = Schedule(updates=updates, seeds=seeds, width=width)
        with tqdm(total=updates * seeds * len(INPUTS), unit="update", leave=False) as bar:
            study = run_study(chips, colours, schedule, lambda: bar.update() and None)
        options = " ".join(f"--chips {folder.name}" for folder in folders)
        setting = (
            f"`geosar-evaluate flood {packaged.manifest.name} {options}` with {packaged.label} in {precision}; {seeds} "
            f"small U-Nets of width {width} for each input, {updates} updates of {schedule.batch} crops of "
            f"{schedule.crop} pixels."
        )
        text = write_study(output, study, setting)
    click.echo(text)
    click.echo(f"flood.md, flood.json and flood.png are in {output}.")


def _left_out(name: str) -> None:
    click.echo(f"Note: the chip {name} has no pixel that was measured; it is left out.", err=True)
