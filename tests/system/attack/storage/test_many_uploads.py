"""Small uploads that are begun and left lying stop nobody else."""

from pathlib import Path

import pytest
from sqlalchemy import update

from geosar_tiler.ingest import places
from geosar_tiler.ingest.resumable import exclusive
from geosar_tiler.state.database import Upload
from helpers.service import MakeService, problem, services_of
from helpers.service.tus_client import CHUNK, VERSION, begin, piece


@pytest.fixture(autouse=True)
def _few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_OPEN", 8)
    monkeypatch.setattr(places, "MOST_OF_ONE", 4)


def test_who_begins_many_uploads_takes_no_place_of_others_and_stale_ones_make_way(
    make_service: MakeService, scene_file: Path
) -> None:
    data = scene_file.read_bytes()
    with make_service(trust_forwarded=True) as client:

        def called(address: str) -> None:
            client.headers["x-forwarded-for"] = address

        def stand_still(paths: list[str]) -> None:
            ids = [path.rpartition("/")[2] for path in paths]
            with services_of(client).database.begin() as session:
                changed = update(Upload).where(Upload.id.in_(ids))
                session.execute(changed.values(expires=Upload.expires - places.STILL_SECONDS - 1))

        def refused() -> str:
            return problem(client.post("/uploads", headers={**VERSION, "upload-length": "10"}), 503)

        called("192.0.2.1")
        greedy = [begin(client, 10) for _ in range(4)]
        assert "4 uploads of yours are under way" in refused()
        called("192.0.2.2")
        others = [begin(client, len(data), filename="fields_power.tif") for _ in range(4)]
        # All places are taken, by uploads that were begun just now.
        called("192.0.2.3")
        assert "8 uploads are under way" in refused()
        # One that stands still makes way for somebody else, the stillest first; not one that is being sent.
        stand_still([*greedy[1:], others[0]])
        with services_of(client).database.begin() as session:
            first = greedy[1].rpartition("/")[2]
            session.execute(update(Upload).where(Upload.id == first).values(expires=Upload.expires - 1))
        with exclusive(services_of(client).store.resumable(first)):
            whole = begin(client, len(data), filename="fields_power.tif")
        assert client.get(greedy[1]).status_code == 200
        assert [client.get(path).status_code for path in greedy].count(404) == 1
        assert piece(client, whole, 0, data).status_code == 204
        # Within one's own share, one's own make way.
        called("192.0.2.1")
        begin(client, 10)
        begin(client, 10)
        assert client.get(greedy[1]).status_code == 404
        called("192.0.2.2")
        assert [client.head(path, headers=VERSION).status_code for path in others] == [200] * 4
        problem(client.patch(greedy[1], headers={**CHUNK, "upload-offset": "0"}, content=b"II*\0"), 404)
        assert piece(client, others[0], 0, data).status_code == 204
