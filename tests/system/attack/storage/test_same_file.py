"""The same file under several names at once is one scene, and is stored once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from helpers.service import MakeService, services_of

NAMES = 6


def test_the_same_file_under_several_names_at_once_is_stored_once(make_service: MakeService, scene_file: Path) -> None:
    content = scene_file.read_bytes()
    with make_service() as client, ThreadPoolExecutor(NAMES) as pool:

        def send(number: int) -> Any:
            return client.post(f"/scenes?filename=name{number}_VV_db.tif", content=content)

        answers = list(pool.map(send, range(NAMES)))
        assert sorted(answer.status_code for answer in answers) == [200] * (NAMES - 1) + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        scene = answers[0].json()["id"]
        stored = list((services_of(client).store.scene(scene) / "source").iterdir())
        assert [path.stat().st_size for path in stored] == [len(content)]
        name = client.get(f"/scenes/{scene}").json()["files"][0]["filename"]
        assert stored[0].name == name
