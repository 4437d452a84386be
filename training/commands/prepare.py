"""``geosar-train prepare``: makes pairs of co-registered GeoTIFFs."""

from pathlib import Path
from typing import get_args

import click

from geosar_training.commands.options import FOLDER, plain_errors
from geosar_training.errors import PrepareError
from geosar_training.preparation.sources import match
from geosar_training.preparation.tiles import Options
from geosar_training.preparation.work import By
from geosar_training.preparation.work import prepare as prepare_pairs

ANY = click.Path(exists=True, path_type=Path)
SHARE = click.FloatRange(0, 1)


@click.command()
@click.argument("sar", type=ANY)
@click.argument("optical", type=ANY, required=False)
@click.option("-o", "--output", type=FOLDER, required=True, help="New folder for the pairs.")
@click.option("--size", type=click.IntRange(64, 4096), default=256, show_default=True, help="Pixels on a tile's side.")
@click.option("--scale", help="Unit of the radar (db, power, amplitude, dn, picture); by default concluded.")
@click.option("--polarisation", help="Polarisations to use, as VV or VV,VH; by default all.")
@click.option("--bands", help="Red, green and blue of the optical files, as 4,3,2; by default as they say.")
@click.option("--resample", is_flag=True, help="Bring optical images onto the radar's grid.")
@click.option("--split", "by", type=click.Choice(get_args(By)), default="scene", show_default=True)
@click.option("--block", type=click.IntRange(min=1), default=4, show_default=True, help="Tiles on a block's side.")
@click.option("--validation", type=SHARE, default=0.15, show_default=True, help="Share of tiles for validation.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--minimum-valid", type=SHARE, default=1.0, show_default=True, help="Share of a tile with data.")
@click.option("--maximum-clouds", type=SHARE, default=0.3, show_default=True, help="Share of bright white pixels.")
@click.option("--maximum-shift", type=click.FloatRange(min=0), help="Leave out tiles that lie further off, in pixels.")
@click.option("--keep-duplicates", is_flag=True)
@click.option("--strict", is_flag=True, help="Refuse all where one scene cannot be used; else it is left out.")
def prepare(
    *,
    sar: Path,
    optical: Path | None,
    output: Path,
    size: int,
    scale: str | None,
    polarisation: str | None,
    bands: str | None,
    resample: bool,
    by: By,
    block: int,
    validation: float,
    seed: int,
    minimum_valid: float,
    maximum_clouds: float,
    maximum_shift: float | None,
    keep_duplicates: bool,
    strict: bool,
) -> None:
    """Cut pairs for training out of SAR and OPTICAL: two GeoTIFFs, folders or text lists, or one CSV list.

    Files in folders are partners when their names are equal but for words like s1, s2, sar, rgb or vv. A CSV list has
    the columns sar and optical, and may have name, split and landcover. Scenes that cannot be used are left out and
    named.
    """
    with plain_errors():
        options = Options(
            size=size, scale=scale, polarisation=polarisation, bands=_numbers(bands), resample=resample,
            minimum_valid=minimum_valid, maximum_clouds=maximum_clouds, maximum_shift=maximum_shift,
            keep_duplicates=keep_duplicates,
        )  # fmt: skip
        prepared = prepare_pairs(
            match(sar, optical), output, options, by=by, block=block, validation=validation, seed=seed, strict=strict
        )
    click.echo(prepared.report)
    click.echo(f"The pairs are in {output}.")
    for words in prepared.warnings:
        click.echo(f"Note: {words}", err=True)
    if prepared.unusable:
        many = f"{len(prepared.unusable)} scene{'s' if len(prepared.unusable) > 1 else ''} could not be used"
        click.echo(f"Note: {many}; dropped.csv and report.md say why.", err=True)


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError as error:
        raise PrepareError(f"--bands is {text!r}; expected numbers as in 4,3,2.") from error
