"""Driving conversations: repeating what may be repeated, and the loop that carries one out."""

from __future__ import annotations

import time
from typing import Any, Callable

from ..words import tr
from .messages import CancelledError, Flow, Request, Response, T, UnreachableError, Wait, checked

TRIES = 4
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
BUSY = (429, 502, 503, 504)


def ask(request: Request, tries: int = TRIES) -> Flow[Response]:
    """
    Send a request, again after a pause when the line was cut or the service is busy; gives a good answer.

    Raises what `checked` raises, and UnreachableError.
    """
    pause = FIRST_PAUSE
    for left in reversed(range(tries if request.repeatable else 1)):
        try:
            response: Response = yield request
        except UnreachableError:
            if not left:
                raise
            seconds = pause
        else:
            if response.status not in BUSY or not left:
                return checked(response)
            seconds = max(pause, seconds_of(response.headers.get("retry-after", "")))
        yield Wait(min(seconds, LONGEST_PAUSE))
        pause *= 2
    raise AssertionError("the last try returns or raises")


def seconds_of(text: str) -> float:
    """Return the seconds of a Retry-After header; a date or nonsense counts as 0."""
    return float(text) if text.strip().isdigit() else 0.0


def never() -> bool:
    """Say that nobody stopped anything."""
    return False


def drive(
    flow: Flow[T],
    send: Callable[[Request, Callable[[], bool]], Response],
    cancelled: Callable[[], bool] = never,
    sleep: Callable[[float], Any] = time.sleep,
) -> T:
    """
    Carry out a conversation where one may block.

    `send` takes a request and a function that says when to give up. It raises UnreachableError and its like, which the
    conversation may answer by trying again. Once `cancelled` says so, CancelledError is raised within the
    conversation; what it still sends then, to tidy up, is sent.
    """
    answer: Response | Exception | None = None
    while True:
        try:
            step = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = None
        if cancelled():
            answer, cancelled = CancelledError(tr("Stopped.")), never
        elif isinstance(step, Wait):
            _pause(step.seconds, cancelled, sleep)
        else:
            try:
                answer = send(step, cancelled)
            except CancelledError as error:
                answer, cancelled = error, never
            except Exception as error:  # noqa: BLE001 - the conversation knows what it can answer
                answer = error


def _pause(seconds: float, cancelled: Callable[[], bool], sleep: Callable[[float], Any]) -> None:
    """Sleep in short pieces, so that a cancellation is noticed."""
    while seconds > 0 and not cancelled():
        sleep(min(seconds, 0.1))
        seconds -= 0.1
