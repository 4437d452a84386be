"""``geosar translate``, also installed as ``translate-geotiff`` and ``rio sar2optical``."""

from typing import Any

import click

import geosar
from geosar.cli.destinations import Task, plan_tasks
from geosar.cli.options import model_option, read_bounds, scene_options, split_polarisations
from geosar.cli.progress import KINDS, Reporter, make_reporter
from geosar.cli.running import EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE, debugging, describe, exiting, guarded, stoppable
from geosar.errors import TranslationCancelled, UsageError, without_secrets
from geosar.vocabulary import Compression


@click.command("translate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("scenes", nargs=-1, metavar="[SCENE]...")
@click.option("-o", "--output", metavar="FILE|FOLDER", help="Where to write; a folder for several scenes.")
@model_option
@scene_options
@click.option("--bbox", callback=read_bounds, metavar="L,B,R,T", help="Translate this part alone, in the scene's CRS.")
@click.option("--match", metavar="OPTICAL", help="Bring the tone to that of this true image of the same ground.")
@click.option("--resample-to-model", is_flag=True, help="Bring the scene to the pixel size that the model knows.")
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda", "mps")), default="auto", show_default=True)
@click.option("--precision", type=click.Choice(("int8", "float32")), help="Default: int8 on a CPU, else float32.")
@click.option(
    "--compress",
    type=click.Choice([each.value for each in Compression]),
    default=Compression.ZSTD.value,
    show_default=True,
)
@click.option("--error-band", is_flag=True, help="Also write the expected error, as NAME.error.tif.")
@click.option("--despeckled", is_flag=True, help="Also write the despeckled radar in decibels, as NAME.despeckled.tif.")
@click.option("--quicklook", is_flag=True, help="Also write a small picture, NAME.png.")
@click.option("--stac", is_flag=True, help="Also write a STAC item, NAME.json.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--resume", is_flag=True, help="Continue where a stopped run was.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the network; default: all cores.")
@click.option("--window", type=click.IntRange(min=2048), default=2048, show_default=True, help="Multiple of 2048.")
@click.option("--cluster", metavar="URL", help="Dask scheduler whose workers compute, as tcp://host:8786.")
@click.option(
    "--progress", type=click.Choice(KINDS), default="auto", show_default=True, help="json: one object a line on stdout."
)
def command(**options: Any) -> int:
    """Translate SAR rasters into optical-looking, synthetic Cloud-Optimized GeoTIFFs.

    SCENE is a GeoTIFF (also in a zip or gzip), PNG, JPEG, JPEG 2000, Erdas, ENVI or BEAM-DIMAP raster, a Sentinel-1
    SAFE folder or zip, or a URL.
    Results lie beside their scene as NAME_optical.tif unless -o says otherwise. Several scenes are taken one after
    the other; one that fails does not stop the rest.
    """
    return _translate_all(**options)


def _translate_all(
    scenes: tuple[str, ...],
    output: str | None,
    polarisations: tuple[tuple[str, str | None], ...],
    progress: str,
    window: int,
    **options: Any,
) -> int:
    files, polarisation = split_polarisations(polarisations)
    if polarisation is not None and files:
        raise click.UsageError("--pol VV chooses a polarisation; with --pol VV=path the files say which there are")
    tasks = plan_tasks(scenes, files, output)
    options |= {"polarisation": polarisation, "window_size": window}
    failures: list[tuple[Task, BaseException]] = []
    with stoppable() as cancel, make_reporter(progress) as reporter:
        for number, task in enumerate(tasks):
            try:
                _translate_one(task, reporter, {**options, "cancel": cancel})
            except TranslationCancelled:
                left = len(tasks) - number
                click.echo(
                    f"Stopped; {left} of {len(tasks)} not finished, nothing half-done was left under their names. "
                    "To continue, run the same command again with --resume"
                    f"{' --overwrite' if number and not options['overwrite'] else ''}.",
                    err=True,
                )
                return EXIT_STOPPED
            except Exception as error:
                if debugging():
                    raise
                failures.append((task, error))
                reporter.fail(without_secrets(task.source), error)
    if failures and len(tasks) > 1:
        click.echo(f"{len(failures)} of {len(tasks)} failed:", err=True)
        for task, reason in failures:
            click.echo(f"  {without_secrets(task.source)}: {describe(reason)}", err=True)
    if not failures:
        return 0
    usage = len(failures) == len(tasks) and all(isinstance(reason, UsageError) for _, reason in failures)
    return EXIT_USAGE if usage else EXIT_FAILED


def _translate_one(task: Task, reporter: Reporter, options: dict[str, Any]) -> None:
    reporter.begin(without_secrets(task.source))
    source = dict(task.files) if task.files else task.source
    reporter.finish(geosar.translate(source, task.destination, progress=reporter.advance, **options))


def _for_rasterio(**options: Any) -> None:
    # rio runs its commands in click's own way, which ignores what they return.
    click.get_current_context().exit(guarded(lambda: _translate_all(**options)))


main = exiting(command)
rio_command = click.Command("sar2optical", params=command.params, callback=_for_rasterio, help=command.help)
