"""Models that are sent to a running service: looked at, put where they belong whole, and taken out again."""

from pathlib import Path

from sqlalchemy import select

from geosar.errors import ModelChecksumError, ModelFormatError
from geosar.models import Model
from geosar.models.library import unpack_model, unpacked_bytes
from geosar_tiler.errors import ConflictError, InvalidError, NotFoundError, UnsupportedError
from geosar_tiler.ingest.receive import Received, check_free
from geosar_tiler.state.database import Database, Job
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.models import Models
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.states import LIVE

TAKEN = "a zip of a packaged model's folder"


class ModelIntake:
    """Takes models in and out of the store; a kill at any moment leaves a model whole or not at all."""

    def __init__(self, models: Models, database: Database, inspector: Inspector, quota: Quota) -> None:
        self._models = models
        self._store = models.store
        self._database = database
        self._inspector = inspector
        self._quota = quota

    def add(self, file: Received, folder: Path) -> tuple[Model, bool]:
        """Look at the zip of a model and keep it; returns the model, and whether it is new.

        It is checked as any other is, and its networks run once, in the process that looks at uploads. `folder` is one
        for this upload alone. Raises InvalidError for what is no model, ConflictError where the name is taken.
        """
        if file.driver != "SAFE":  # what begins as zips do
            raise UnsupportedError(f"the upload is no zip; expected {TAKEN}.")
        archive = file.path.rename(folder / "model.zip")
        fresh = folder / "model"
        fresh.mkdir()
        try:
            check_free(self._quota.free_bytes(), unpacked_bytes(archive))
            manifest = unpack_model(archive, fresh).manifest
        except (ModelFormatError, ModelChecksumError) as error:
            raise InvalidError(str(error)) from error
        self._inspector.model(fresh)
        new = Model(fresh, manifest)
        with self._store.exclusively():
            there = self._of_that_name(new)
            if there is not None:
                return there, False
            fresh.replace(self._store.models / manifest.name)
        return self._models.load(manifest.name), True

    def _of_that_name(self, new: Model) -> Model | None:
        """Return this very model where it is there already; raises ConflictError for another of its name."""
        name = new.manifest.name
        if name in self._models.settings.models():
            raise ConflictError(f"{name!r} is the name of a model of the service's own. Export it with another --name.")
        there = self._models.find_sent(name)
        if there is not None and there.checksum != new.checksum:
            raise ConflictError(
                f"a model {name!r}, version {there.manifest.version}, is there already, and it is another. Remove it "
                f"first with DELETE /models/{name}, or export this one with another --name."
            )
        return there

    def remove(self, name: str) -> None:
        """Remove a model that was sent; raises NotFoundError, and ConflictError while a job needs it."""
        with self._store.exclusively():
            model = self._models.find_sent(name)
            if model is None and name in self._models.settings.models():
                raise ConflictError(f"the model {name!r} is the service's own, and is not removed by a request.")
            if model is None:
                raise NotFoundError(f"there is no model {name!r}; GET /models lists those that there are.")
            with self._database.begin() as session:
                live = session.execute(select(Job.id, Job.inputs).where(Job.status.in_(LIVE))).all()
            if using := [job_id for job_id, inputs in live if inputs.get("model") == name]:
                raise ConflictError(
                    f"{len(using)} jobs need the model {name!r}, {using[0]} first. Wait for their end, or dismiss them."
                )
            self._store.discard(model.folder)
        self._store.keep_reserve()
