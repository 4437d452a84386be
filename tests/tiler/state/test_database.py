"""The catalogue's tables, and those of earlier versions."""

from pathlib import Path

from sqlalchemy import create_engine, text

from geosar_tiler.state.database import Database, Scene


def test_a_catalogue_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    Database(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE scenes DROP COLUMN parts"))
    engine.dispose()
    database = Database(url)
    with database.begin() as session:
        session.add(Scene(id="s", sha256="s", name="", filename="", size=0, description={}, parts={"VV": "a.tif"}))
    with database.begin() as session:
        scene = session.get(Scene, "s")
        assert scene is not None
        assert scene.parts == {"VV": "a.tif"}
    database.close()
