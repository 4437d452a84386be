"""The QGIS client against a running service: every request it makes stands in the service's OpenAPI document."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import rasterio
from geosar_qgis.client import messages
from geosar_qgis.client.messages import Request, Response
from geosar_qgis.client.service import Service, TranslateRequest, completed, title_of
from geosar_qgis.client.uploads import UploadFile, upload, upload_together
from geosar_qgis.client.urls import tile_template
from jsonschema import Draft202012Validator

from geosar_tiler.app import create_app
from geosar_tiler.settings import Settings
from helpers.rasters import speckled, write_raster
from helpers.service.conversations import send, talk
from helpers.service.serving import in_a_thread
from helpers.tiny_model import write_dual_model


class Contract:
    """Sends, and holds every request against the OpenAPI document of the service."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.document = send(Request("GET", f"{base}/openapi.json")).json()
        self.used: set[str] = set()

    def __call__(self, request: Request, _cancelled: Callable[[], bool]) -> Response:
        """Check and send."""
        parts = urlsplit(request.url)
        response = send(request)
        if parts.path == "/uploads" and response.status in {404, 405}:
            return response  # asking whether there are resumable uploads; there need not be
        template = self._template(parts.path)
        operation = self.document["paths"][template].get(request.method.lower())
        if request.method in {"HEAD", "OPTIONS"} and operation is None:
            return response  # HTTP's own methods need not be described
        assert operation is not None, f"{request.method} {template} is not in the document"
        known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        free = template == "/scenes" and request.method == "POST"  # the name of a body's file
        assert free or set(parse_qs(parts.query)) <= known, f"{template} does not know {parts.query}"
        if request.headers.get("Content-Type") == "application/json":
            assert isinstance(request.body, bytes)
            self._valid(json.loads(request.body), operation["requestBody"]["content"]["application/json"]["schema"])
        if 200 <= response.status < 300:
            assert any(status.startswith("2") for status in operation["responses"])
        self.used.add(f"{request.method} {template}")
        return response

    def _template(self, path: str) -> str:
        fitting = [one for one in self.document["paths"] if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", one), path)]
        assert fitting, f"{path} is not in the document"
        return min(fitting, key=lambda one: one.count("{"))

    def _valid(self, body: Any, schema: dict[str, Any]) -> None:
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(body)


@pytest.fixture(scope="module")
def contract(served: str) -> Contract:
    return Contract(served)


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    values = speckled((1, 300, 400), seed=5)
    values[:, :50, :50] = np.nan
    return write_raster(tmp_path / "fields_vv.tif", values, nodata=np.nan, descriptions=("VV",))


def test_a_whole_session_speaks_as_the_document_says(contract: Contract, scene_file: Path, tmp_path: Path) -> None:
    service = Service(contract.base)
    ready = talk(service.ready(), contract)
    assert ready.models

    shares: list[float] = []
    file = UploadFile(scene_file, name="fields", polarisation="VV", unit="power")
    scene = talk(upload(service, file, lambda share, _words: shares.append(share)), contract)
    assert (scene.name, scene.width, scene.height, scene.polarisations) == ("fields", 400, 300, ("VV",))
    assert shares == sorted(shares)
    assert talk(upload(service, file), contract).id == scene.id, "the same content is one scene"
    assert talk(service.prepared(scene.id), contract).state == "ready"

    assert scene.bbox is not None
    assert [one.id for one in talk(service.scenes(scene.bbox, "fields"), contract)] == [scene.id]
    west = scene.bbox[0]
    assert talk(service.scenes((west - 2, scene.bbox[1], west - 1, scene.bbox[3])), contract) == []

    results = talk(completed(service, scene.id, TranslateRequest(model=ready.models[0])), contract)
    assert {"optical", "error"} <= set(results.queries)
    assert [one.status for one in talk(service.jobs(scene.id), contract)] == ["successful"]
    target = tmp_path / "optical.tif"
    talk(service.download(service.result_url(results, "optical"), target), contract)
    with rasterio.open(target) as optical, rasterio.open(scene_file) as sar:
        assert optical.transform == sar.transform
        assert optical.shape == sar.shape
        assert optical.tags()["GEOSAR_SYNTHETIC"] == "YES"

    for layer in ("sar", "optical", "error", "live"):
        tiles = talk(service.tiles(scene.id, layer), contract)
        assert tiles.legend.startswith(b"\x89PNG")
        assert tiles.minzoom < tiles.maxzoom
        assert tile_template(service.base, scene.id, layer, tiles.query).startswith(service.base)
    assert talk(service.picture(scene.id, "sar", 64), contract).startswith(b"\x89PNG")

    again = talk(service.translate(scene.id, TranslateRequest(box=(*scene.bbox[:2], *scene.bbox[2:]))), contract)
    talk(service.dismiss(again.id), contract)
    talk(service.remove_scene(scene.id), contract)
    with pytest.raises(messages.NotThereError):
        talk(service.scene(scene.id), contract)
    assert "POST /processes/{process_id}/execution" in contract.used


def test_despeckled_radar_comes_from_a_model_that_makes_it_and_is_refused_by_another(
    contract: Contract, scene_file: Path, tmp_path: Path
) -> None:
    request = TranslateRequest(despeckled=True)
    plain = Service(contract.base)
    scene = talk(upload(plain, UploadFile(scene_file, "fields", "VV", "power")), contract)
    with pytest.raises(messages.RejectedError, match="makes no despeckled radar"):
        talk(plain.translate(scene.id, request), contract)
    settings = Settings(store=tmp_path / "store", model=str(write_dual_model(tmp_path / "dual")))
    with in_a_thread(create_app(settings)) as url:
        other, service = Contract(url), Service(url)
        scene = talk(upload(service, UploadFile(scene_file, "fields", "VV", "power")), other)
        results = talk(completed(service, scene.id, request), other)
        talk(service.download(service.result_url(results, "despeckled"), tmp_path / "clean.tif"), other)
        tiles = talk(service.tiles(scene.id, "despeckled"), other)
        assert "despeckled" in talk(service.scene(scene.id), other).layers
    with rasterio.open(tmp_path / "clean.tif") as result:
        assert (result.descriptions, result.units) == (("VV",), ("dB",))
    assert "not synthetic" in tiles.description
    assert tiles.legend.startswith(b"\x89PNG")
    assert title_of("fields", "despeckled", results.model) == "fields (despeckled SAR, tiny 1.0)"


def test_two_polarisations_in_two_files_are_one_scene(contract: Contract, tmp_path: Path) -> None:
    service = Service(contract.base)
    uploads = []
    for number, name in enumerate(("VV", "VH")):
        path = write_raster(
            tmp_path / f"pair_{name.lower()}.tif", speckled((1, 90, 80), seed=60 + number) / (1 + number)
        )
        uploads.append(UploadFile(path, "the pair", name, "power"))
    shares: list[float] = []
    scene = talk(upload_together(service, uploads, lambda share, _words: shares.append(share)), contract)
    assert (scene.name, scene.polarisations, scene.width) == ("the pair", ("VV", "VH"), 80)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert "POST /scenes" in contract.used
    assert talk(upload_together(service, uploads), contract).id == scene.id, "the same content is one scene"
    talk(service.remove_scene(scene.id), contract)


def test_two_files_of_the_same_polarisation_are_refused_before_they_are_sent(tmp_path: Path) -> None:
    uploads = [UploadFile(tmp_path / "a.tif", polarisation="VV"), UploadFile(tmp_path / "b.tif", polarisation="VV")]
    with pytest.raises(messages.RejectedError, match="one polarisation of its own"):
        talk(upload_together(Service("http://nowhere.test"), uploads))


def test_what_is_no_radar_scene_is_refused_in_the_words_of_the_service(contract: Contract, tmp_path: Path) -> None:
    text = tmp_path / "notes.tif"
    text.write_text("not a raster at all, " * 50)
    with pytest.raises(messages.RejectedError, match="GeoTIFF"):
        talk(upload(Service(contract.base), UploadFile(text)), contract)


def test_an_empty_file_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    with pytest.raises(messages.RejectedError, match=r"empty\.tif is empty"):
        talk(upload(Service("http://nowhere.test"), UploadFile(tmp_path / "empty.tif")))
