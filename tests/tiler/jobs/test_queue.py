"""Which job is begun next."""

from pathlib import Path

from geosar_tiler.jobs import queue
from geosar_tiler.state.database import Database, Scene


def test_a_new_scene_does_not_wait_for_translations(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite'}")
    scene = Scene(id="s", sha256="s", name="", filename="", size=0, description={}, created=0.0)
    with database.begin() as session:
        session.add(scene)
    for process in ("translate", "prepare"):
        queue.submit(database, scene, process, key=process, inputs={}, queue_length=5)
    claimed = queue.claim(database, "me", internal=True)
    assert claimed is not None
    assert claimed[0].process == "prepare"
    assert queue.claim(database, "me", internal=True) is None
    assert queue.claim(database, "me") is not None
    assert queue.claim(database, "me") is None
