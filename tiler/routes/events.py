"""A job's progress as server-sent events."""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from geosar_tiler.jobs import queue
from geosar_tiler.routes import links
from geosar_tiler.routes.process_results import status_info
from geosar_tiler.services import Shared
from geosar_tiler.state.database import Job

router = APIRouter(tags=["Processes and jobs"])


@router.get("/jobs/{job_id}/events", summary="Follow a job", response_class=EventSourceResponse)
async def follow(request: Request, services: Shared, job_id: str) -> EventSourceResponse:
    """Send an event `status` at each change, with the job as JSON; the stream ends when the job is done."""
    job = await run_in_threadpool(queue.get, services.database, job_id)  # one that is not there is a 404, not a stream

    async def changes() -> AsyncIterator[ServerSentEvent]:
        async for one in services.followed.changes(job):
            text = await services.followed.text(one, links.url(request, ""), in_words)
            yield ServerSentEvent(text, event="status")

    def in_words(one: Job, former: str | None) -> str:
        return json.dumps(status_info(request, one, former))

    return EventSourceResponse(changes())
