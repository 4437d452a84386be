"""Conversations of the QGIS client with a service that answers badly, late or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis.client import messages
from geosar_qgis.client.driving import ask, drive
from geosar_qgis.client.messages import CancelledError, Request, Response, UnreachableError
from geosar_qgis.client.service import Service, TranslateRequest, completed

from helpers.service.conversations import Script, talk

BASE = "http://sar.test"
GET = Request("GET", f"{BASE}/jobs")


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    return Response(status, headers, json.dumps(body).encode())


def job(status: str, progress: int = 0, **more: Any) -> Response:
    return answer({"jobID": "j", "scene": "s", "status": status, "progress": progress, **more})


def test_a_cut_line_and_a_busy_service_are_tried_again() -> None:
    script = Script([UnreachableError("cut"), Response(503, {"retry-after": "0"}), answer({"jobs": []})])
    assert talk(ask(GET), script).json() == {"jobs": []}
    assert len(script.asked) == 3


def test_retry_after_is_heeded() -> None:
    slept: list[float] = []
    script = Script([Response(503, {"retry-after": "1"}), answer({})])
    drive(ask(GET), script, sleep=slept.append)
    assert 0.99 < sum(slept) < 1.2


def test_tries_have_an_end_and_the_end_has_words() -> None:
    with pytest.raises(UnreachableError, match="away"):
        talk(ask(GET), Script([UnreachableError("the service is away")] * 4))
    with pytest.raises(messages.UnavailableError, match=r"full queue\. Try again later"):
        talk(ask(GET), Script([answer({"detail": "full queue."}, 503)] * 4))


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, "RefusedError", "authentication of the connection"),
        (403, "RefusedError", "authentication of the connection"),
        (404, "NotThereError", "no scene"),
        (413, "RejectedError", "no scene"),
        (422, "RejectedError", "no scene"),
        (500, "UnavailableError", "failed"),
        (507, "RejectedError", "no scene"),
    ],
)
def test_each_refusal_has_a_kind_and_the_words_of_the_service(status: int, kind: str, words: str) -> None:
    with pytest.raises(getattr(messages, kind), match=words):
        talk(ask(GET), Script([answer({"detail": "no scene here"}, status)]))


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[1, 2]", b"\xff\xfe", b"{}"])
def test_what_is_not_this_service_is_said_to_be_so(body: bytes) -> None:
    with pytest.raises(messages.NotAServiceError, match="geosar service"):
        talk(Service(BASE).scene("a"), Script([Response(200, {}, body)]))


def test_pages_are_put_together_until_all_are_there() -> None:
    def page(first: int, count: int) -> Response:
        scenes = [{"id": str(number), "name": f"scene {number}"} for number in range(first, first + count)]
        return answer({"scenes": scenes, "numberMatched": 230})

    script = Script([page(0, 100), page(100, 100), page(200, 30)])
    listed = talk(Service(BASE).scenes((7.0, 46, 8, 47), text="alps"), script)
    assert [one.id for one in listed] == [str(number) for number in range(230)]
    assert [request.url.partition("?")[2].split("&")[:2] for request in script.asked] == [
        ["limit=100", "offset=0"],
        ["limit=100", "offset=100"],
        ["limit=100", "offset=200"],
    ]
    assert "bbox=7.0000000%2C46.0000000%2C8.0000000%2C47.0000000" in script.asked[0].url


def test_a_translation_is_followed_to_its_results() -> None:
    progress: list[tuple[float, str]] = []
    results = {
        "optical": {"href": f"{BASE}/jobs/j/results/optical?expires=9&signature=f"},
        "report": {"value": {"model": "m"}},
    }
    script = Script(
        [
            job("accepted"),
            job("accepted"),
            job("running", 40, secondsLeft=100.0, megapixelsPerSecond=2.0),
            job("successful", 100),
            answer(results),
        ]
    )
    service = Service(BASE)
    request = TranslateRequest(model="m", box=(0, 0, 10, 10), crs="EPSG:32643", error_band=False)
    outcome = talk(completed(service, "s", request, lambda *now: progress.append(now)), script)
    assert service.result_url(outcome, "optical").endswith("/jobs/j/results/optical?expires=9&signature=f")
    assert json.loads(script.asked[0].body)["inputs"] == {
        "scene": "s",
        "model": "m",
        "error_band": False,
        "bbox": {"bbox": [0, 0, 10, 10], "crs": "EPSG:32643"},
    }
    assert progress[1] == (0.4, "Translating, 40 %, 2.0 megapixels a second, 2 min left")
    with pytest.raises(messages.NotThereError, match="no file 'error'"):
        service.result_url(outcome, "error")


def test_a_failed_translation_says_why() -> None:
    script = Script([job("accepted"), job("failed", message="all pixels are empty")])
    with pytest.raises(messages.JobFailedError, match="all pixels are empty"):
        talk(completed(Service(BASE), "s", TranslateRequest()), script)


def test_stopping_stops_the_job_on_the_service_too() -> None:
    script = Script([job("accepted"), job("running", 10), job("dismissed")])
    with pytest.raises(CancelledError):
        talk(completed(Service(BASE), "s", TranslateRequest()), script, cancelled=lambda: len(script.asked) > 1)
    assert (script.asked[-1].method, script.asked[-1].url) == ("DELETE", f"{BASE}/jobs/j")


def test_a_download_goes_on_where_it_was_cut_if_the_file_is_the_same(tmp_path: Path) -> None:
    whole = bytes(range(200))
    target = tmp_path / "a.tif"
    requests: list[Request] = []

    def send(request: Request, _cancelled: Callable[[], bool]) -> Response:
        requests.append(request)
        assert request.save_to is not None
        assert not target.exists(), "nothing half-done looks finished"
        begin = int(request.headers.get("Range", "bytes=0-")[6:-1])
        data = whole[begin : begin + 120]
        with request.save_to.open("ab") as file:
            file.write(data)
        return Response(206 if begin else 200, {"content-length": str(len(whole) - begin), "etag": '"x"'})

    talk(Service(BASE).download(f"{BASE}/jobs/j/results/optical", target), send)
    assert target.read_bytes() == whole
    assert dict(requests[1].headers) == {"Range": "bytes=120-", "If-Range": '"x"'}
    assert list(tmp_path.iterdir()) == [target]


def test_a_download_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.tif"
    target.write_bytes(b"old")
    with pytest.raises(messages.RefusedError):
        talk(Service(BASE).download(f"{BASE}/x", target), Script([answer({"detail": "no"}, 403)]))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
