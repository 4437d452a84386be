"""How the tests carry a conversation: with urllib, or with answers that are made up."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

from geosar_qgis.client.driving import drive, never
from geosar_qgis.client.messages import Piece, Request, Response, UnreachableError


def send(request: Request, _cancelled: Callable[[], bool] = never) -> Response:
    """Send a request over a real connection."""
    body = request.body.read() if isinstance(request.body, Piece) else request.body
    sent = urllib.request.Request(  # noqa: S310 - the tests' own service
        request.url, data=body or None, headers=dict(request.headers), method=request.method
    )
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:  # noqa: S310
            data, status, headers = answer.read(), answer.status, answer.headers
    except urllib.error.HTTPError as error:
        data, status, headers = error.read(), error.code, error.headers
    except OSError as error:
        raise UnreachableError(str(error)) from error
    if request.save_to is not None and status < 300:
        with request.save_to.open("ab") as file:
            file.write(data)
        data = b""
    return Response(status, {key.lower(): value for key, value in headers.items()}, data)


def talk(flow: Any, through: Callable[[Request, Callable[[], bool]], Response] = send, **options: Any) -> Any:
    """Carry out a conversation without sleeping longer than a moment."""
    return drive(flow, through, sleep=options.pop("sleep", lambda _seconds: None), **options)


class Script:
    """Answers in a fixed order, and keeps what was asked. An exception in it is raised."""

    def __init__(self, answers: Iterable[Response | Exception]) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def __call__(self, request: Request, _cancelled: Callable[[], bool] = never) -> Response:
        """Return the next answer."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
