"""The process of one job: takes it as a line of JSON on stdin, tells its progress as lines of JSON on stdout.

A later line ``cancel`` stops it where it can be continued. The end of stdin means that the service is gone; the
process then ends at once, so that a restarted service finds the unfinished output alone.
"""

import errno
import json
import os
import resource
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rasterio

import geosar
from geosar.errors import GeosarError, TargetError, TranslationCancelled
from geosar.report import Progress
from geosar_tiler.jobs.reference_copy import write_picture
from geosar_tiler.jobs.sar_copy import write_display
from geosar_tiler.state.states import JobStatus, Process

ORPHANED = 70
NICENESS = 5
"""Who looks at tiles goes before who waits for a job."""
_TOLD = (
    "model", "model_version", "checksum", "precision", "device", "engine", "unit", "polarisations", "notes", "warnings",
    "width", "height", "windows_resumed", "placement", "placement_error_metres", "megapixels", "seconds",
    "megapixels_per_second",
)  # fmt: skip
_OUT = threading.Lock()
GDAL_WITHOUT_MEMORY = "cannot allocate"
"""Part of what GDAL says where it gets no memory."""


def main() -> None:
    """Do the job that stdin names."""
    os.nice(NICENESS)
    cancel = threading.Event()
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_listen, args=(cancel,), daemon=True).start()
    try:
        # No file of it grows beyond what the store has left; a write beyond fails as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["most_bytes"], job["most_bytes"]))
        _limit_memory(job["memory_bytes"])
        os.environ.update(job["gdal"])  # before GDAL is first used
        with rasterio.Env():
            report = _TASKS[job["process"]](job, cancel)
    except TranslationCancelled:
        say(state=JobStatus.DISMISSED)
    except (GeosarError, MemoryError) as error:
        if isinstance(error, MemoryError) or GDAL_WITHOUT_MEMORY in str(error):
            most = job["memory_bytes"] / 1e6
            reason = f"it needs more memory than a job may have, {most:.0f} MB (GEOSAR_JOB_MEMORY_BYTES)."
            say(state=JobStatus.FAILED, message=reason, room=False)
        else:
            say(
                state=JobStatus.FAILED, message=_in_words(error, job["most_bytes"]), room=isinstance(error, TargetError)
            )
    except OSError as error:
        say(state=JobStatus.FAILED, message=f"{error.strerror or error}: the disk may be full.", room=True)
    else:
        say(state=JobStatus.SUCCESSFUL, report=report)
    # At a usual end Python would wait for the thread that waits for stdin.
    os._exit(0)


def _limit_memory(most: int) -> None:
    """Let no decoder and no network take more: what is written to and not shared, files and addresses do not count."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _in_words(error: GeosarError, most_bytes: int) -> str:
    """Return why a job failed; a file that grew beyond what it may is not a full disk."""
    if getattr(error, "errno", None) != errno.EFBIG:
        return str(error)
    return (
        f"the result is larger than the free space of the service, {most_bytes / 1e6:.1f} MB. Delete scenes or jobs, "
        "or translate a part."
    )


def say(**line: Any) -> None:
    """Write one line to the service."""
    with _OUT:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _listen(cancel: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == "cancel":
            cancel.set()
    os._exit(ORPHANED)


def _translate(job: dict[str, Any], cancel: threading.Event) -> dict[str, Any]:
    def progress(now: Progress) -> None:
        share = now.megapixels_done / now.megapixels_total if now.megapixels_total else 0.0
        say(
            state=JobStatus.RUNNING, share=min(share, 0.99), message=now.message,
            megapixels_per_second=now.megapixels_per_second, seconds_left=now.seconds_left,
        )  # fmt: skip

    report = geosar.translate(
        _source(job), job["destination"], overwrite=True, resume=True, quicklook=True, stac=True,
        progress=progress, cancel=cancel, **job["options"],
    )  # fmt: skip
    names = {
        "optical": report.destination, "error": report.error_band, "despeckled": report.despeckled,
        "quicklook": report.quicklook, "stac": report.stac,
    }  # fmt: skip
    files = {name: path.name for name, path in names.items() if path is not None}
    values = asdict(report)
    return {"files": files, **{key: values[key] for key in _TOLD}}


def _source(job: dict[str, Any]) -> Path | dict[str, Path]:
    source = job["source"]
    return {key: Path(path) for key, path in source.items()} if isinstance(source, dict) else Path(source)


def _reference(job: dict[str, Any], cancel: threading.Event) -> dict[str, Any]:
    write_picture(
        Path(job["source"]),
        Path(job["destination"]),
        job["options"]["place"],
        progress=lambda share: say(state=JobStatus.RUNNING, share=share, message="preparing tiles"),
        cancel=cancel,
    )
    return {"files": {"reference": Path(job["destination"]).name}}


def _prepare(job: dict[str, Any], cancel: threading.Event) -> dict[str, Any]:
    with geosar.open_scene(_source(job), **job["options"]) as scene:
        write_display(
            scene,
            Path(job["destination"]),
            progress=lambda share: say(state=JobStatus.RUNNING, share=share, message="preparing SAR tiles"),
            cancel=cancel,
        )
    return {"files": {"sar": Path(job["destination"]).name}}


_TASKS = {Process.TRANSLATE: _translate, Process.PREPARE: _prepare, Process.REFERENCE: _reference}

if __name__ == "__main__":
    main()
