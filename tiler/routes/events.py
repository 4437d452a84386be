"""A job's progress as server-sent events."""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from geosar_tiler.jobs import queue
from geosar_tiler.routes.process_results import status_of
from geosar_tiler.services import Shared
from geosar_tiler.state import readings

router = APIRouter(tags=["Processes and jobs"])


@router.get("/jobs/{job_id}/events", summary="Follow a job", response_class=EventSourceResponse)
async def follow(request: Request, services: Shared, job_id: str) -> EventSourceResponse:
    """Send an event `status` at each change, with the job as JSON; the stream ends when the job is done."""
    job = await run_in_threadpool(queue.get, services.database, job_id)  # one that is not there is a 404, not a stream

    async def told() -> AsyncIterator[ServerSentEvent]:
        async for one in services.followed.changes(job):
            former = await run_in_threadpool(readings.told, services.database, [one])
            yield ServerSentEvent(json.dumps(status_of(request, one, former.get(one.id))), event="status")

    return EventSourceResponse(told())
