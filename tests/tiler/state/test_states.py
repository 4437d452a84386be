"""States are enumerations in Python and plain text in the database."""

from pathlib import Path

import pytest
from sqlalchemy import select, text

from geosar_tiler.state.database import Database, Upload
from geosar_tiler.state.states import UploadStatus


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")
    with database.begin() as session:
        session.add(Upload(id="a", filename="a.tif", length=1, options={}, expires=0, status=UploadStatus.HELD))
        session.add(Upload(id="b", filename="b.tif", length=1, options={}, expires=0))
    return database


def test_a_state_is_written_as_its_plain_word(database: Database) -> None:
    with database.begin() as session:
        assert session.execute(text("SELECT status FROM uploads ORDER BY id")).scalars().all() == ["held", "receiving"]


def test_a_state_is_read_as_a_member_of_its_enumeration(database: Database) -> None:
    with database.begin() as session:
        rows = session.scalars(select(Upload).where(Upload.status.in_((UploadStatus.HELD, "done")))).all()
    assert [type(upload.status) for upload in rows] == [UploadStatus]
    assert rows[0].status is UploadStatus.HELD
