"""OGC API - Processes, Part 1: the process "translate", and the jobs that run it."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform_bounds
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from geosar.errors import BoundsError
from geosar.grid import full_turn
from geosar_tiler.crs import CRS84, named_crs
from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.ingest.receive import check_free
from geosar_tiler.jobs import queue
from geosar_tiler.routes import links
from geosar_tiler.routes.process_description import (
    MEDIA,
    Box,
    Execute,
    Inputs,
    OutputName,
    check_known,
    description,
    summary,
)
from geosar_tiler.routes.process_results import check_done, document, files, status_info
from geosar_tiler.routes.scenes import Limit, Offset, Rename
from geosar_tiler.routes.stored_file import StoredFile
from geosar_tiler.services import Services, Shared
from geosar_tiler.state import catalogue, readings, references
from geosar_tiler.state.database import Job, Scene
from geosar_tiler.state.states import LIVE, JobStatus, Process
from geosar_tiler.tiles import around

router = APIRouter(tags=["Processes and jobs"])

POLL_SECONDS = 0.1
DISMISS_SECONDS = 3.0
Seconds = Annotated[float | None, Query(ge=0, le=1e9)]


@router.get("/processes", summary="List the processes")
def processes(request: Request) -> dict[str, Any]:
    """Return the one process that there is."""
    here = links.link(links.url(request, "processes"), "self")
    return {"processes": [summary(request)], "links": [here]}


@router.get("/processes/{process_id}", summary="Describe a process")
def describe(request: Request, services: Shared, process_id: str) -> dict[str, Any]:
    """Return inputs and outputs with their JSON schemas."""
    check_known(process_id)
    return description(request, services)


@router.post("/processes/{process_id}/execution", status_code=201, summary="Translate a scene")
async def execute(
    request: Request,
    services: Shared,
    process_id: str,
    body: Execute,
    prefer: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Begin a job, or give the one that does the same already.

    Without `Prefer: respond-async`, a small scene is waited for and the answer is the results (200). Else, when it
    takes too long, or when too many are waited for already, the answer is the job (201).
    """
    check_known(process_id)
    job, scene, new = await run_in_threadpool(_submit, services, body.inputs)
    wants_async = prefer is not None and "respond-async" in prefer
    small = scene.description["megapixels"] <= services.settings.sync_megapixels
    headers = {"Location": links.url(request, f"jobs/{job.id}")}
    if not wants_async and small and not services.waiting.locked():
        async with services.waiting:
            job = await _done(services, job.id, services.settings.sync_seconds)
        if job.status == JobStatus.SUCCESSFUL:
            return _answer(request, job, scene, body)
        if job.status == JobStatus.FAILED:
            raise InvalidError(job.message)
    if wants_async:
        headers["Preference-Applied"] = "respond-async"
    return JSONResponse(status_info(request, job), 201 if new or job.status in LIVE else 200, headers)


def _answer(request: Request, job: Job, scene: Scene, body: Execute) -> Response:
    """Return the results of a synchronous job: as a document, or raw, which are links, or the one that is wanted."""
    headers = {"Location": links.url(request, f"jobs/{job.id}")}
    if body.response == "document":
        return JSONResponse(document(request, job, scene, body.outputs), 200, headers)
    outputs = files(request, job, body.outputs)
    if len(outputs) == 1:
        (one,) = outputs.values()
        return RedirectResponse(one["href"], 303)
    values = [f'<{one["href"]}>; rel="{name}"; type="{one["type"]}"' for name, one in outputs.items()]
    return Response(status_code=204, headers={**headers, "Link": ", ".join(values)})


@router.get("/jobs", summary="List jobs")
def list_jobs(
    request: Request,
    services: Shared,
    *,
    limit: Limit = 50,
    offset: Offset = 0,
    scene: Annotated[str | None, Query(max_length=100)] = None,
    status: Annotated[list[JobStatus] | None, Query()] = None,
    process: Annotated[list[str] | None, Query(alias="processID", max_length=10)] = None,
    kind: Annotated[list[str] | None, Query(alias="type", max_length=10, description="All are `process`.")] = None,
    datetime: Annotated[str | None, Query(max_length=100, description="When they were asked for.")] = None,
    shortest: Annotated[Seconds, Query(alias="minDuration", description="Seconds that they took or take.")] = None,
    longest: Annotated[Seconds, Query(alias="maxDuration")] = None,
) -> dict[str, Any]:
    """Return a page of jobs, the newest first."""
    chosen = queue.JobFilter(
        scene, tuple(status or ()), tuple(process or ()), tuple(kind or ()), catalogue.parse_interval(datetime),
        shortest, longest,
    )  # fmt: skip
    jobs, total = queue.listed(services.database, chosen, limit=limit, offset=offset)
    former = readings.remarks(services.database, jobs)
    return {
        "jobs": [status_info(request, job, former.get(job.id)) for job in jobs],
        "numberMatched": total,
        "links": links.paging(request, limit=limit, offset=offset, total=total),
    }


@router.get("/jobs/{job_id}", summary="Show a job")
def show(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Say how far a job is."""
    return _shown(request, services, queue.get(services.database, job_id))


@router.patch("/jobs/{job_id}", summary="Name a job's result")
def rename(request: Request, services: Shared, job_id: str, change: Rename) -> dict[str, Any]:
    """Give a job a name, to tell its result from others of the scene."""
    queue.get(services.database, job_id)
    queue.change(services.database, job_id, name=change.name)
    return _shown(request, services, queue.get(services.database, job_id))


@router.delete("/jobs/{job_id}", summary="Dismiss a job")
async def dismiss(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Stop a job that waits or runs; remove the results of one that is done."""
    await run_in_threadpool(queue.dismiss, services.database, job_id)
    services.runner.wake()
    job = await _done(services, job_id, DISMISS_SECONDS)
    if job.status == JobStatus.DISMISSED:
        await run_in_threadpool(services.store.remove_job, job.id)
    return status_info(request, job)


@router.get("/jobs/{job_id}/results", summary="Show a job's results")
def results(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Return links to the files and tiles that a job made."""
    job = queue.get(services.database, job_id)
    check_done(job)
    return document(request, job, catalogue.get(services.database, job.scene_id))


@router.get("/jobs/{job_id}/results/{output}", summary="Download a result", response_class=StoredFile)
def download(services: Shared, job_id: str, output: OutputName) -> StoredFile:
    """Return a file; range requests are answered, so that GDAL reads the COG where it lies."""
    job = queue.get(services.database, job_id)
    name = job.files.get(output)
    if job.status != JobStatus.SUCCESSFUL or name is None:
        raise NotFoundError(f"the job {job_id} has no result {output!r}; GET its /results for those it has.")
    return StoredFile(services.store.job(job.id) / name, media_type=MEDIA[output].partition(";")[0], filename=name)


def _shown(request: Request, services: Services, job: Job) -> dict[str, Any]:
    return status_info(request, job, readings.remarks(services.database, [job]).get(job.id))


def _submit(services: Services, inputs: Inputs) -> tuple[Job, Scene, bool]:
    scene = catalogue.get(services.database, inputs.scene)
    # What a job makes cannot be known; that there is space for something can.
    check_free(services.quota.free_bytes(), 1)
    name = inputs.model or services.settings.model_name
    if name not in services.models.names():
        raise InvalidError(f"there is no model {name!r}; this service has {', '.join(services.models.names())}.")
    model = services.models.load(name)
    if inputs.despeckled and not model.manifest.despeckles:
        raise InvalidError(f"the model {name!r} makes no despeckled radar; leave `despeckled` out, or name another.")
    opening = catalogue.opening(scene)
    if inputs.radiometric and "dem" not in opening:
        raise InvalidError(
            "the scene is not corrected for terrain by an elevation model of this service, so its brightness cannot be "
            "corrected for slopes; leave `radiometric` out."
        )
    options: dict[str, Any] = {
        **opening,
        "model": services.models.reference(name),
        "bbox": None if inputs.bbox is None else _bounds(scene, inputs.bbox),
        "precision": inputs.precision or services.settings.precision,
        "error_band": inputs.error_band,
        "compress": inputs.compress,
        "resample_to_model": inputs.resample_to_model,
        # What came later enters only where it is wanted, so that jobs of before keep their keys.
        **({"despeckled": True} if inputs.despeckled else {}),
        **({"radiometric": True} if inputs.radiometric else {}),
        **({"match": references.to_match(services.database, scene)} if inputs.match else {}),
    }
    key = queue.key_of(Process.TRANSLATE, scene.sha256, {**options, "model": model.checksum})
    with services.models.kept(name, model):
        job, new = queue.submit(
            services.database,
            scene,
            Process.TRANSLATE,
            key=key,
            inputs=options,
            queue_length=services.settings.queue_length,
        )
    services.runner.wake()
    return job, scene, new


def _bounds(scene: Scene, box: Box | tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Bring the box to the scene's own CRS; raises BoundsError where it has no place there."""
    bounds, name = (box.bbox, box.crs) if isinstance(box, Box) else (box, CRS84)
    crs = scene.description["crs"]
    if crs is None:
        raise InvalidError("the scene has no georeference, so no box of it can be named. Leave bbox out.")
    crs_of_box = named_crs(name)
    own = CRS.from_user_input(crs)
    l_scene, b_scene, r_scene, t_scene = scene.description["bounds"]
    turn = full_turn(own)
    try:
        box_there = around.box_in(own, bounds, crs_of_box) or transform_bounds(crs_of_box, own, *bounds)
        if turn is not None:
            box_there = around.reached(box_there, l_scene, r_scene, turn) or box_there
    except (CRSError, ValueError) as error:
        raise BoundsError(f"the box {bounds} has no place in {crs}: {error}.") from error
    left, bottom, right, top = box_there
    if not (left < r_scene and right > l_scene and bottom < t_scene and top > b_scene):
        place = f"{scene.west}, {scene.south}, {scene.east}, {scene.north}"
        raise BoundsError(f"the box {bounds} misses the scene, whose box is {place}.")
    return left, bottom, right, top


async def _done(services: Services, job_id: str, seconds: float) -> Job:
    """Wait until a job is done, but not longer than this; holds no thread meanwhile."""
    end = time.monotonic() + seconds
    while True:
        job = await run_in_threadpool(queue.get, services.database, job_id)
        if job.status not in LIVE or time.monotonic() > end:
            return job
        await asyncio.sleep(POLL_SECONDS)
