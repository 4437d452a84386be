"""OGC API - Processes, Part 1: the process "translate", and the jobs that run it."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform_bounds
from sqlalchemy import update
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse

from geosar.errors import BoundsError
from geosar.models import list_models, load_model
from tiler import catalogue, jobs, links
from tiler.database import LIVE, Job, Scene
from tiler.errors import InvalidError, NotFoundError
from tiler.scenes import Limit, Offset
from tiler.security import signature_of
from tiler.services import Services, Shared

router = APIRouter(tags=["Processes and jobs"])

PROCESS = "translate"
POLL_SECONDS = 0.1
DISMISS_SECONDS = 3.0
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MEDIA = {"optical": links.COG, "error": links.COG, "quicklook": "image/png", "stac": links.GEOJSON}
TITLES = {
    "optical": "Synthetic optical image (not an observation)",
    "error": "Expected absolute error of the synthetic image, 0 to 255",
    "quicklook": "SAR beside the synthetic image",
    "stac": "STAC item",
}
Status = Literal["accepted", "running", "successful", "failed", "dismissed"]


class Box(BaseModel):
    """A bounding box as OGC API - Processes has it; without CRS, longitude and latitude."""

    model_config = ConfigDict(extra="forbid")

    bbox: tuple[float, float, float, float] = Field(description="Left, bottom, right, top.")
    crs: str = CRS84


class Inputs(BaseModel):
    """What "translate" takes."""

    model_config = ConfigDict(extra="forbid")

    scene: str = Field(description="Identifier of a scene, from POST /scenes.", max_length=100)
    model: str | None = Field(None, description="Name of a built-in model.", max_length=100)
    bbox: Box | tuple[float, float, float, float] | None = Field(None, description="Translate this part alone.")
    precision: Literal["int8", "float32"] | None = Field(None, description="Default: int8 on a CPU, else float32.")
    error_band: bool = Field(True, description="Also make the expected error, for the layer error.")
    compress: Literal["zstd", "deflate", "lzw", "jpeg", "webp"] = Field("zstd", description="Compression of the COG.")
    resample_to_model: bool = Field(False, description="Bring the scene to the pixel size that the model knows.")


class Execute(BaseModel):
    """Body of an execution request. Further members that OGC defines are accepted and have no effect."""

    inputs: Inputs
    response: Literal["raw", "document"] = "document"


@router.get("/processes", summary="List the processes")
def processes(request: Request) -> dict[str, Any]:
    """Give the one process that there is."""
    here = links.link(links.url(request, "processes"), "self")
    return {"processes": [_summary(request)], "links": [here]}


@router.get("/processes/{process_id}", summary="Describe a process")
def describe(request: Request, services: Shared, process_id: str) -> dict[str, Any]:
    """Give inputs and outputs with their JSON schemas."""
    _known(process_id)
    schema = Inputs.model_json_schema()
    definitions = schema.get("$defs", {})
    required = set(schema["required"])
    inputs = {}
    for name, value in schema["properties"].items():
        resolved = _resolved(value, definitions)
        if name == "model":
            resolved = {"type": "string", "enum": list(_models(services)), "default": services.settings.model}
        inputs[name] = {
            "title": name,
            "description": value.get("description", name),
            "minOccurs": int(name in required),
            "maxOccurs": 1,
            "schema": resolved,
        }
    outputs = {
        name: {"title": title, "schema": {"type": "string", "format": "uri", "contentMediaType": MEDIA[name]}}
        for name, title in TITLES.items()
    }
    return {**_summary(request), "inputs": inputs, "outputs": outputs}


@router.post("/processes/{process_id}/execution", status_code=201, summary="Translate a scene")
async def execute(
    request: Request,
    services: Shared,
    process_id: str,
    body: Execute,
    prefer: Annotated[str | None, Header(max_length=200)] = None,
) -> JSONResponse:
    """Begin a job, or give the one that does the same already.

    Without `Prefer: respond-async`, a small scene is waited for and the answer is the results (200); else the
    answer is the job (201).
    """
    _known(process_id)
    job, scene, new = await run_in_threadpool(_submit, services, body.inputs)
    wants_async = prefer is not None and "respond-async" in prefer
    small = scene.description["megapixels"] <= services.settings.sync_megapixels
    headers = {"Location": links.url(request, f"jobs/{job.id}")}
    if not wants_async and small:
        job = await run_in_threadpool(_wait, services, job.id, services.settings.sync_seconds)
        if job.status == "successful":
            return JSONResponse(document(request, job, scene), 200, headers)
        if job.status == "failed":
            raise InvalidError(job.message)
    if wants_async:
        headers["Preference-Applied"] = "respond-async"
    return JSONResponse(status_of(request, job), 201 if new or job.status in LIVE else 200, headers)


@router.get("/jobs", summary="List jobs")
def list_jobs(
    request: Request,
    services: Shared,
    *,
    limit: Limit = 50,
    offset: Offset = 0,
    scene: Annotated[str | None, Query(max_length=100)] = None,
    status: Annotated[list[Status] | None, Query()] = None,
) -> dict[str, Any]:
    """Give a page of jobs, the newest first."""
    found, total = jobs.listed(services.database, scene_id=scene, statuses=status or (), limit=limit, offset=offset)
    return {
        "jobs": [status_of(request, job) for job in found],
        "numberMatched": total,
        "links": links.paging(request, limit=limit, offset=offset, total=total),
    }


@router.get("/jobs/{job_id}", summary="Show a job")
def show(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Say how far a job is."""
    return status_of(request, jobs.get(services.database, job_id))


@router.delete("/jobs/{job_id}", summary="Dismiss a job")
def dismiss(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Stop a job that waits or runs; remove the results of one that is done."""
    job = jobs.get(services.database, job_id)
    with services.database.begin() as session:
        waiting = (Job.id == job.id, Job.status == "accepted")
        stopped = {"status": "dismissed", "message": "stopped before it began", "finished": time.time()}
        session.execute(update(Job).where(*waiting).values(**stopped))
        session.execute(update(Job).where(Job.id == job.id, Job.status == "running").values(cancel=True))
        done = (Job.id == job.id, Job.status.in_(("successful", "failed")))
        session.execute(update(Job).where(*done).values(status="dismissed", message="its results were removed"))
    services.runner.wake()
    job = _wait(services, job.id, DISMISS_SECONDS)
    if job.status == "dismissed":
        services.store.remove_job(job.id)
    return status_of(request, job)


@router.get("/jobs/{job_id}/results", summary="Show a job's results")
def results(request: Request, services: Shared, job_id: str) -> dict[str, Any]:
    """Give links to the files and tiles that a job made."""
    job = jobs.get(services.database, job_id)
    if job.status == "failed":
        raise InvalidError(f"the job failed: {job.message}")
    if job.status == "dismissed":
        raise NotFoundError(f"the job was dismissed, so it has no results: {job.message}.")
    if job.status != "successful":
        raise NotFoundError(f"the job is {job.status} ({job.progress} %); its results are there when it is successful.")
    return document(request, job, catalogue.get(services.database, job.scene_id))


@router.get("/jobs/{job_id}/results/{output}", summary="Download a result", response_class=FileResponse)
def download(services: Shared, job_id: str, output: Literal["optical", "error", "quicklook", "stac"]) -> FileResponse:
    """Give a file; range requests are answered, so that GDAL reads the COG where it lies."""
    job = jobs.get(services.database, job_id)
    name = ((job.report or {}).get("files") or {}).get(output)
    if job.status != "successful" or name is None:
        raise NotFoundError(f"the job {job_id} has no result {output!r}; GET its /results for those it has.")
    return FileResponse(services.store.job(job.id) / name, media_type=MEDIA[output].partition(";")[0], filename=name)


def status_of(request: Request, job: Job) -> dict[str, Any]:
    """Give a job as OGC's statusInfo."""
    here = f"jobs/{job.id}"
    told = [links.link(links.url(request, here), "self"), links.link(links.url(request, f"{here}/events"), "monitor")]
    if job.status == "successful":
        told.append(
            links.link(links.url(request, f"{here}/results"), "http://www.opengis.net/def/rel/ogc/1.0/results"),
        )
    values = {
        "processID": job.process,
        "type": "process",
        "jobID": job.id,
        "status": job.status,
        "message": job.message,
        "progress": job.progress,
        "created": catalogue.timestamp(job.created),
        "started": catalogue.timestamp(job.started),
        "finished": catalogue.timestamp(job.finished),
        "updated": catalogue.timestamp(job.updated),
        "scene": job.scene_id,
        "megapixelsPerSecond": job.megapixels_per_second,
        "secondsLeft": job.seconds_left if job.status == "running" else None,
        "links": told,
    }
    return {key: value for key, value in values.items() if value is not None}


def document(request: Request, job: Job, scene: Scene) -> dict[str, Any]:
    """Give the results: every output by reference, what was found out on the way, and the tiles."""
    report = job.report or {}
    outputs = {
        name: {
            "href": links.url(request, f"jobs/{job.id}/results/{name}", **signature_of(request, f"jobs/{job.id}")),
            "type": MEDIA[name],
            "title": TITLES[name],
            "rel": "item",
        }
        for name in report.get("files", {})
        if name in MEDIA
    }
    layer = f"scenes/{scene.id}/optical"
    if scene.geometry is not None:
        outputs["tilejson"] = {
            "href": links.url(request, f"{layer}/tilejson.json", job=job.id),
            "type": "application/json",
            "title": "TileJSON of the synthetic image",
        }
    return {**outputs, "report": {key: value for key, value in report.items() if key != "files"}}


def _summary(request: Request) -> dict[str, Any]:
    return {
        "id": PROCESS,
        "version": "1.0.0",
        "title": "Translate SAR to a synthetic optical image",
        "description": "Makes an optical-looking Cloud-Optimized GeoTIFF of a SAR scene; not an observation.",
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["reference"],
        "links": [
            links.link(links.url(request, f"processes/{PROCESS}"), "self"),
            links.link(
                links.url(request, f"processes/{PROCESS}/execution"), "http://www.opengis.net/def/rel/ogc/1.0/execute"
            ),
        ],
    }


def _resolved(value: Any, definitions: dict[str, Any]) -> Any:
    """Put the schemas where they are referred to, so that each input's schema stands by itself."""
    if isinstance(value, dict):
        if "$ref" in value:
            return _resolved(definitions[value["$ref"].rpartition("/")[2]], definitions)
        return {key: _resolved(one, definitions) for key, one in value.items()}
    return [_resolved(one, definitions) for one in value] if isinstance(value, list) else value


def _known(process_id: str) -> None:
    if process_id != PROCESS:
        raise NotFoundError(f"there is no process {process_id!r}; the one that there is is called {PROCESS!r}.")


def _models(services: Services) -> tuple[str, ...]:
    """Names that a request may use: the built-in models, and the one that the service was started with."""
    return tuple(dict.fromkeys((services.settings.model, *list_models())))


def _submit(services: Services, inputs: Inputs) -> tuple[Job, Scene, bool]:
    scene = catalogue.get(services.database, inputs.scene)
    name = inputs.model or services.settings.model
    if name not in _models(services):
        raise InvalidError(f"there is no model {name!r}; this service has {', '.join(_models(services))}.")
    checksum = load_model(name).checksum
    options: dict[str, Any] = {
        **catalogue.opening(scene),
        "model": name,
        "bbox": None if inputs.bbox is None else _bounds(scene, inputs.bbox),
        "precision": inputs.precision or services.settings.precision,
        "error_band": inputs.error_band,
        "compress": inputs.compress,
        "resample_to_model": inputs.resample_to_model,
    }
    key = jobs.key_of(PROCESS, scene.sha256, {**options, "model": checksum})
    job, new = jobs.submit(
        services.database, scene, PROCESS, key=key, inputs=options, queue_length=services.settings.queue_length
    )
    services.runner.wake()
    return job, scene, new


def _bounds(scene: Scene, box: Box | tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Bring the box to the scene's own CRS; raises BoundsError where it has no place there."""
    bounds, name = (box.bbox, box.crs) if isinstance(box, Box) else (box, CRS84)
    crs = scene.description["crs"]
    if crs is None:
        raise InvalidError("the scene has no georeference, so no box of it can be named. Leave bbox out.")
    try:
        given = CRS.from_user_input("OGC:CRS84" if name == CRS84 else name)
    except CRSError as error:
        raise InvalidError(f"{name!r} is no CRS; give one such as {CRS84} or EPSG:32643.") from error
    try:
        left, bottom, right, top = transform_bounds(given, CRS.from_user_input(crs), *bounds)
    except (CRSError, ValueError) as error:
        raise BoundsError(f"the box {bounds} has no place in {crs}: {error}.") from error
    l_scene, b_scene, r_scene, t_scene = scene.description["bounds"]
    if not (left < r_scene and right > l_scene and bottom < t_scene and top > b_scene):
        place = f"{scene.west}, {scene.south}, {scene.east}, {scene.north}"
        raise BoundsError(f"the box {bounds} misses the scene, whose box is {place}.")
    return left, bottom, right, top


def _wait(services: Services, job_id: str, seconds: float) -> Job:
    """Wait until a job is done, but not longer than this."""
    end = time.monotonic() + seconds
    while True:
        job = jobs.get(services.database, job_id)
        if job.status not in LIVE or time.monotonic() > end:
            return job
        time.sleep(POLL_SECONDS)
