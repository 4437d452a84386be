"""True optical images of scenes: which of them a job may bring the tone of a translation to."""

from geosar_tiler.errors import InvalidError, NotReadyError
from geosar_tiler.state.database import Database, Reference, Scene
from geosar_tiler.state.states import CopyState


def find(database: Database, scene_id: str) -> Reference | None:
    """Return the reference of a scene, or None."""
    with database.begin() as session:
        return session.get(Reference, scene_id)


def to_match(database: Database, scene: Scene) -> str:
    """Return the checksum of the image that a scene is matched to; raises InvalidError, and NotReadyError."""
    reference = find(database, scene.id)
    if reference is None:
        raise InvalidError(
            "the scene has no true optical image to match; PUT one to /scenes/ID/reference, or leave `match` out."
        )
    if not reference.georeferenced:
        raise InvalidError("the scene's true optical image has no georeference, so it lies nowhere; leave `match` out.")
    if reference.state == CopyState.FAILED:
        raise InvalidError(f"the scene's true optical image could not be read: {reference.message}")
    if reference.state != CopyState.READY:
        raise NotReadyError("the scene's true optical image is being prepared. Ask again in a few seconds.")
    return reference.sha256


def is_there(database: Database, scene: Scene, sha256: str) -> bool:
    """Whether the image of this checksum is still the scene's, and ready."""
    reference = find(database, scene.id)
    return reference is not None and reference.state == CopyState.READY and reference.sha256 == sha256
