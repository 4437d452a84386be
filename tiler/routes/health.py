"""What machines ask to know whether the service lives and can work: /healthz and /readyz."""

import logging
import uuid
from contextlib import suppress

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

import geosar
from geosar_tiler.services import Services, Shared

router = APIRouter(tags=["Service"])

MINIMUM_FREE_BYTES = 100 * 2**20
_LOG = logging.getLogger("tiler.health")


@router.get("/healthz", summary="Say that the process answers")
async def healthy() -> dict[str, str]:
    """Answer; whether it can work is for /readyz."""
    return {"status": "ok", "version": geosar.__version__}


@router.get("/readyz", summary="Say whether the service can work")
def ready(services: Shared) -> JSONResponse:
    """Try database, disk, jobs and model; 503 when one of them fails."""
    checks = {
        "database": _database(services),
        "disk": _disk(services),
        "jobs": services.runner.alive,
        "model": services.live.loaded,
    }
    good = all(checks.values())
    answer = {"status": "ready" if good else "not ready", "checks": checks}
    return JSONResponse(answer, 200 if good else 503, None if good else {"Retry-After": "5"})


def _database(services: Services) -> bool:
    try:
        with services.database.begin() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        _LOG.warning("the database does not answer: %s", error)
        return False
    return True


def _disk(services: Services) -> bool:
    """Whether there is free space, and a file can be written."""
    probe = services.store.root / f".probe-{uuid.uuid4().hex}"
    try:
        probe.write_bytes(b"geosar")
        return services.store.free_bytes() > MINIMUM_FREE_BYTES
    except OSError as error:
        _LOG.warning("the store cannot be written to: %s", error)
        return False
    finally:
        with suppress(OSError):
            probe.unlink()
