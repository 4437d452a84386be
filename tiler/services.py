"""What the routes share: the parts of one running service, made once for an app."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from geosar_tiler.ingest.agreement import Agreement
from geosar_tiler.ingest.model_intake import ModelIntake
from geosar_tiler.ingest.register import SceneRegister
from geosar_tiler.ingest.resumable import ResumableUploads
from geosar_tiler.jobs.following import Followed
from geosar_tiler.jobs.runner import JobRunner
from geosar_tiler.metrics import Metrics
from geosar_tiler.settings import Settings
from geosar_tiler.signatures import Signer
from geosar_tiler.state.database import Database
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.models import Models
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.store import Store
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles.open_scenes.direct import DirectScenes
from geosar_tiler.tiles.open_scenes.live import LiveScenes


@dataclass(kw_only=True)
class Services:
    """The parts of one running service."""

    settings: Settings
    store: Store
    database: Database
    inspector: Inspector
    models: Models
    intake: ModelIntake
    runner: JobRunner
    followed: Followed
    live: LiveScenes
    direct: DirectScenes
    quota: Quota
    register: SceneRegister
    uploads: ResumableUploads
    agreement: Agreement
    metrics: Metrics
    signer: Signer | None
    """None where no key is needed."""
    waiting: asyncio.Semaphore
    """Requests that wait for the end of a job."""

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Make the parts that these settings ask for; nothing runs yet."""
        store = Store(settings.store)
        database = Database(settings.database)
        database.when_full = store.release_reserve
        terrain = Terrain(settings)
        inspector = Inspector(settings.inspection_seconds, store.incoming, terrain.readable)
        quota = Quota(store, database, settings.quota_bytes)
        models = Models(settings, store)
        runner = JobRunner(models, database, quota, terrain)
        live = LiveScenes(settings, store, terrain)
        direct = DirectScenes(store, terrain)
        most_pixels = settings.max_megapixels * 1e6
        register = SceneRegister(store, database, inspector, runner, live, direct, quota, most_pixels, terrain)
        return cls(
            settings=settings, store=store, database=database, inspector=inspector, models=models,
            intake=ModelIntake(models, database, inspector, quota), runner=runner,
            followed=Followed(database), live=live, direct=direct, quota=quota, register=register,
            uploads=ResumableUploads(settings, store, database, quota=quota, register=register),
            agreement=Agreement(register),
            metrics=Metrics(),
            signer=Signer(settings, store.root) if settings.api_keys else None,
            waiting=asyncio.Semaphore(settings.sync_jobs),
        )  # fmt: skip

    def start(self) -> None:
        """Begin to work: jobs, uploads that were left, and what makes first requests quick."""
        self.runner.start()
        self.uploads.start()
        self.agreement.start()
        self.inspector.warm()
        self.live.warm()

    def stop(self) -> None:
        """End everything that runs."""
        self.agreement.stop()
        self.uploads.stop()
        self.runner.stop()
        self.inspector.close()
        self.live.close()
        self.direct.close()
        self.database.close()


def of(request: Request) -> Services:
    """Return the services of the app that a request came to."""
    services: Services = request.app.state.services
    return services


Shared = Annotated[Services, Depends(of)]
