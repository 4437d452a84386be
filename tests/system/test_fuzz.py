"""Whatever is asked, by the routes' own schemas: never a server error. GEOSAR_FUZZ_EXAMPLES asks more often."""

import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from starlette.testclient import TestClient

EXAMPLES = int(os.environ.get("GEOSAR_FUZZ_EXAMPLES", "2"))
LOOKING = {"get", "head", "options"}
"""What only looks is also asked of the scene and the job that there are, and so gets behind the 404."""
NOT_NOW = {503, 507}
"""Answers of a service that is busy, or whose disk is full: told in words, no fault."""


def test_no_route_answers_with_a_server_error(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", _kept_running(client.app))
    names = {"scene_id": scene["id"], "job_id": job["jobID"], "process_id": "translate", "collection_id": "results"}
    requests: list[str] = []
    failures: list[str] = []

    def ask(case: Case) -> None:
        answer = case.call()
        requests.append(case.path)
        line = f"{case.method} {case.formatted_path} {case.query} {case.body!r:.200}: {answer.status_code}"
        if answer.status_code >= 500 and answer.status_code not in NOT_NOW:
            failures.append(f"{line} {answer.text[:300]}")
        if b"Traceback" in answer.content:
            failures.append(f"{line}: a traceback")

    for one in schema.get_all_operations():
        operation = one.ok()
        if not operation.path.endswith("/events"):  # a stream has no end
            _examine(operation, names, ask)
    assert failures == []
    assert len(set(requests)) > 100
    assert client.get(f"/scenes/{scene['id']}").status_code == 200
    assert client.get("/readyz").status_code == 200


def _kept_running(app: Any) -> Any:
    """Let schemathesis begin and end the app as often as it likes, without the service's noticing."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            # By a name of its own, which schemathesis does not know.
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            await app({**scope, "headers": [(b"host", b"localhost"), *others]}, receive, send)
            return
        message_type = ""
        while message_type != "lifespan.shutdown":
            message_type = (await receive())["type"]
            await send({"type": f"{message_type}.complete"})

    return answer


def _examine(operation: Any, names: dict[str, str], ask: Any) -> None:
    """Ask one route so many times; the same each time that the suite runs."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(), st.booleans())
    def examine(case: Case, real: bool) -> None:
        given_path = case.path_parameters or {}
        if real and case.method.lower() in LOOKING:
            case.path_parameters = {name: names.get(name, value) for name, value in given_path.items()}
        ask(case)

    examine()
