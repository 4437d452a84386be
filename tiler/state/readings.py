"""How a scene is read, and how it was read before: what was made with other words stays, and is said to be.

A reading is what follows from the words that were said of a scene: unit, bands, grid, statistics. When the words are
changed the scene is read anew, under the next number; the former reading is kept for as long as there are jobs of it,
since their results can be shown by it alone.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from geosar_tiler.state import catalogue
from geosar_tiler.state.database import Database, Job, Scene
from geosar_tiler.state.states import Process

OPTIONS = ("polarisation", "scale", "force", "bands", "nodata", "mask_band", "src_crs", "keep_border", "dem")
"""Of a job's inputs those that say how its scene is read; `dem` tells the elevation model of that time."""
_COLUMNS = (
    "description", "geometry", "west", "south", "east", "north", "acquired", "polarisation", "unit", "force",
)  # fmt: skip
_NAMES = {
    "scale": "unit",
    "bands": "band",
    "mask_band": "mask band",
    "src_crs": "CRS",
    "keep_border": "keep border",
    "dem": "elevation model",
}


def number(scene: Scene) -> int:
    """How often the scene was read anew."""
    return int((scene.readings or {}).get("number", 0))


def key(scene: Scene) -> tuple[float, int]:
    """Tell a reading of a scene from those before, and from those of the same content that was removed since."""
    return scene.created, number(scene)


def of_job(job: Job) -> dict[str, Any]:
    """Return the words with which a job read its scene, as options of `geosar.open_scene`."""
    return {key: job.inputs[key] for key in OPTIONS if key in job.inputs}


def is_former(scene: Scene, job: Job) -> bool:
    """Whether a job read its scene with other words than hold now."""
    return of_job(job) != catalogue.opening(scene)


def of(scene: Scene, job: Job) -> Scene:
    """Return the scene as a job read it, for showing its results."""
    reading = of_job(job)
    if reading == catalogue.opening(scene):
        return scene
    former = next((one for one in _former(scene) if one["opening"] == reading), None)
    if former is None:
        return scene
    columns = {column.key: getattr(scene, column.key) for column in Scene.__table__.columns}
    return Scene(**{**columns, **{key: former[key] for key in _COLUMNS}})


def words(scene: Scene, job: Job) -> str | None:
    """Say that a job's result was made with a former reading, and with which; None where it is that of now."""
    if not is_former(scene, job):
        return None
    now = _in_words(catalogue.opening(scene))
    return f"made with a former reading of the scene ({_in_words(of_job(job))}); now it is read with {now}"


def remarks(database: Database, jobs: Iterable[Job]) -> dict[str, str]:
    """Say of those among jobs that were made with a former reading of their scene, by identifier, with which."""
    listed = [job for job in jobs if job.process == Process.TRANSLATE]
    with database.begin() as session:
        of_jobs = Scene.id.in_({job.scene_id for job in listed})
        scenes = {scene.id: scene for scene in session.scalars(select(Scene).where(of_jobs))}
    of_job_id = {job.id: words(scenes[job.scene_id], job) for job in listed if job.scene_id in scenes}
    return {job_id: remark for job_id, remark in of_job_id.items() if remark is not None}


def next_one(scene: Scene, jobs: Iterable[Job]) -> dict[str, Any]:
    """Return what `Scene.readings` holds when the scene is read anew: the number, this reading, and those of `jobs`."""
    now = {"opening": catalogue.opening(scene), **{key: getattr(scene, key) for key in _COLUMNS}}
    openings = [of_job(job) for job in jobs]
    return {
        "number": number(scene) + 1,
        "former": [now, *(one for one in _former(scene) if one["opening"] in openings)],
    }


def _former(scene: Scene) -> list[dict[str, Any]]:
    former: list[dict[str, Any]] = (scene.readings or {}).get("former", [])
    return former


def _in_words(opening: dict[str, Any]) -> str:
    parts = []
    for key, value in opening.items():
        text = ", ".join(f"{name}={band}" for name, band in value.items()) if isinstance(value, dict) else value
        parts.append(_NAMES.get(key, key) if value is True else f"{_NAMES.get(key, key)} {text}")
    return "; ".join(parts) or "no word stated"
