"""A job's progress as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from tiler.jobs import queue
from tiler.routes.process_results import status_of
from tiler.services import Shared
from tiler.state.database import LIVE

router = APIRouter(tags=["Processes and jobs"])

POLL_SECONDS = 0.25


@router.get("/jobs/{job_id}/events", summary="Follow a job", response_class=EventSourceResponse)
async def follow(request: Request, services: Shared, job_id: str) -> EventSourceResponse:
    """Send an event `status` at each change, with the job as JSON; the stream ends when the job is done."""
    await run_in_threadpool(queue.get, services.database, job_id)  # a job that is not there is a 404, not a stream

    async def changes() -> AsyncIterator[ServerSentEvent]:
        last = None
        while True:
            job = await run_in_threadpool(queue.get, services.database, job_id)
            told = status_of(request, job)
            seen = {key: value for key, value in told.items() if key != "updated"}
            if seen != last:
                last = seen
                yield ServerSentEvent(json.dumps(told), event="status")
            if job.status not in LIVE:
                return
            await asyncio.sleep(POLL_SECONDS)

    return EventSourceResponse(changes())
