"""``geosar-evaluate``: scores networks and packaged models beside the baselines; ``geosar-evaluate flood``."""

from functools import partial
from pathlib import Path

import click

from geosar.models import load_model
from geosar_training.commands.flood import flood
from geosar_training.commands.options import (
    FILE,
    FOLDER,
    pairs_option,
    plain_errors,
    read_all,
    threads_option,
    use_threads,
)
from geosar_training.commands.structure import structure
from geosar_training.fitting.runs import load_network, settings_of
from geosar_training.inference import generate
from geosar_training.packaging.translators import engine_translators
from geosar_training.pairs.pair import Pair, coloured_split
from geosar_training.pairs.registration import registered
from geosar_training.scoring.baselines import Translator, baselines
from geosar_training.scoring.measures import MEASURES, QUICK, Measure
from geosar_training.scoring.patches import progress_bar, score_patches
from geosar_training.scoring.perceptual import (
    FID_NOTE,
    LPIPS_NETWORKS,
    lpips_measure,
    lpips_note,
    lpips_weights_beside,
    set_scores,
)
from geosar_training.scoring.report import Setting, write_report
from geosar_training.scoring.sheet import save_sheet
from geosar_training.scoring.table import markdown, table_of

DEFAULT = "scores"


class _Evaluate(click.Group):
    """``geosar-evaluate MODEL ...`` means ``geosar-evaluate scores MODEL ...``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = not args or args[0] in {*self.commands, "--help"}
        return super().parse_args(ctx, args if named else [DEFAULT, *args])


@click.group(cls=_Evaluate)
def evaluate() -> None:
    """Measure what networks make of radar.

    `geosar-evaluate MODELS... --pairs FOLDER -o REPORT` scores images (`scores` need not be written);
    `geosar-evaluate flood` measures what colorizing does to flood mapping; `geosar-evaluate structure` how much of the
    radar's structure pictures keep.
    """


@evaluate.command(DEFAULT)
@click.argument("models", nargs=-1, required=True)
@pairs_option
@click.option("--split", default="val", show_default=True)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the report.")
@click.option("--register", is_flag=True, help="Move each optical image onto its radar first.")
@click.option("--quick", is_flag=True, help="PSNR, SSIM and sharpness only: a quarter of the time.")
@click.option("--sheet", type=click.IntRange(min=1), default=16, show_default=True, help="Patches on sheet.png.")
@click.option(
    "--lpips-weights",
    type=FILE,
    help="Weights of torchvision's network for LPIPS, .pth or .safetensors; else what a folder `weights` beside that "
    "of the pairs has.",
)
@click.option(
    "--lpips-net", type=click.Choice(list(LPIPS_NETWORKS)), default="alex", show_default=True, help="Which network."
)
@click.option("--inception-weights", type=FILE, help="FID and KID too: weights of torchvision's inception_v3.")
@threads_option
def scores(
    *,
    models: tuple[str, ...],
    folders: tuple[Path, ...],
    split: str,
    output: Path,
    register: bool,
    quick: bool,
    sheet: int,
    lpips_weights: Path | None,
    lpips_net: str,
    inception_weights: Path | None,
    threads: int | None,
) -> None:
    """Score MODELS (checkpoints, packaged models by name or folder) beside the baselines.

    Writes report.html, report.md, metrics.json and sheet.png. Nothing is downloaded.
    """
    use_threads(threads)
    with plain_errors():
        measures: tuple[Measure, ...] = QUICK if quick else MEASURES
        notes = []
        judge = (lpips_weights, lpips_net) if lpips_weights else None if quick else lpips_weights_beside(folders)
        if judge:
            measures = (*measures, lpips_measure(*judge))
            notes.append(lpips_note(*judge))
        pairs = _read(folders, models)
        chosen = coloured_split(pairs, split)
        if register:
            chosen = registered(chosen)
            notes.append("Optical images were moved onto the radar piece by piece, by smooth fields.")
        translators: dict[str, Translator] = baselines(coloured_split(pairs, "train"))
        for model in models:
            translators |= _translators(model, pairs)
        with progress_bar(len(translators) * len(chosen)) as progress:
            evaluation = score_patches(translators, chosen, measures, progress)
        if inception_weights:
            set_scores(evaluation, inception_weights)
            notes.append(FID_NOTE.format(name=inception_weights.name))
        setting = Setting(
            split,
            [folder.name for folder in folders],
            _command(models, folders, split, output, register=register),
            notes,
        )
        write_report(output, evaluation, setting)
        save_sheet(evaluation, output / "sheet.png", sheet)
    click.echo(markdown(table_of(evaluation)))
    click.echo(f"report.html, report.md, metrics.json and sheet.png are in {output}.")


evaluate.add_command(flood)
evaluate.add_command(structure)


def _translators(model: str, pairs: list[Pair]) -> dict[str, Translator]:
    if not model.endswith(".pt"):
        return engine_translators(model)
    network, _, updates = load_network(Path(model), pairs)
    return {f"{Path(model).resolve().parent.name} ({updates} updates)": partial(generate, network)}


def _read(folders: tuple[Path, ...], models: tuple[str, ...]) -> list[Pair]:
    """Read the pairs that the models take."""
    if all(_declares_missing(model) for model in models):
        return read_all(folders)
    return read_all(folders, _polarisations(models))


def _declares_missing(model: str) -> bool:
    if model.endswith(".pt"):
        return settings_of(Path(model)).declares_missing
    return load_model(model).manifest.inputs.missing is not None


def _polarisations(models: tuple[str, ...]) -> tuple[str, ...]:
    """Return the polarisations that the models want of a pair; empty for one, whichever it is."""
    by_model = {model: _polarisations_of(model) for model in models}
    if len(set(by_model.values())) > 1:
        words = ", ".join(f"{model}: {' and '.join(names) or 'one'}" for model, names in by_model.items())
        raise click.UsageError(f"The models want other polarisations ({words}). Score them apart.")
    return by_model[models[0]]


def _polarisations_of(model: str) -> tuple[str, ...]:
    if _declares_missing(model):
        return ()
    if model.endswith(".pt"):
        return tuple(settings_of(Path(model)).polarisations)
    inputs = load_model(model).manifest.inputs
    return inputs.accepts[0] if inputs.channels > 1 else ()


def _command(models: tuple[str, ...], folders: tuple[Path, ...], split: str, output: Path, *, register: bool) -> str:
    """Return how a reader makes the report again, without the folders of this machine."""
    words = [
        "geosar-evaluate",
        *(model if not model.endswith(".pt") else f"RUN/{Path(model).name}" for model in models),
    ]
    words += [word for folder in folders for word in ("--pairs", folder.name)]
    words += ["--split", split] if split != "val" else []
    words += ["--register"] if register else []
    return " ".join([*words, "-o", output.name])
