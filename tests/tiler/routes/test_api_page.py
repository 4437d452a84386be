"""The reference at /docs: whole, and made of nothing from elsewhere."""

import base64
import hashlib
import re

from starlette.testclient import TestClient

from geosar_tiler import layer_kinds


def test_the_reference_has_every_route_and_asks_nobody_for_anything(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    page = answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in page
    assert not re.search(r"""(?:src|href|url|@import)\s*[=(]?\s*["']?(?:https?:)?//""", page)
    described = client.get("/openapi.json").json()
    layers = "|".join(layer_kinds.NAMES)
    for path, methods in described["paths"].items():
        general = re.sub(rf"^/scenes/{{scene_id}}/(?:{layers})(?=/)", "/scenes/{scene_id}/{layer}", path)
        for method, operation in methods.items():
            assert f"<b>{method.upper()}</b><code>{general}</code>" in page, path
            for parameter in operation.get("parameters", ()):
                assert f"<td><code>{parameter['name']}</code></td>" in page
    assert "<td><code>inputs.resample_to_model</code></td>" in page  # of a body


def test_the_other_page_of_fastapi_leads_there(client: TestClient) -> None:
    answer = client.get("/redoc", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, "/docs")
    assert client.get("/redoc").status_code == 200


def test_it_is_what_its_own_policy_allows(client: TestClient) -> None:
    """The style's hash in the policy is that of the style in the page."""
    answer = client.get("/docs")
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_its_icon_is_the_pages_own_and_allowed(client: TestClient) -> None:
    """Else Firefox asks for /favicon.ico, and complains that the policy forbids it."""
    answer = client.get("/docs")
    icon = re.search(r'<link rel="icon" href="([^"]+)"', answer.text)
    assert icon is not None
    assert client.get(icon[1]).headers["content-type"].startswith("image/svg+xml")
    assert "img-src 'self'" in answer.headers["content-security-policy"]
