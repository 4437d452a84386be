"""The catalogue: scenes, uploads and jobs as rows of a database, SQLite unless a URL names another."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import JSON, Dialect, Engine, ForeignKey, Index, String, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from geosar_tiler.state.states import CopyState, JobStatus, UploadStatus

BUSY_SECONDS = 10
Result = TypeVar("Result")
State = TypeVar("State", bound=StrEnum)

_GONE = "the file of the database was removed or replaced"
_RESTORE = "Restore it, and start the service again; until then nothing is taken."
_TROUBLE = {
    _GONE: f"the catalogue's database was removed or replaced. {_RESTORE}",
    "malformed": f"the catalogue's database is damaged. {_RESTORE}",
    "not a database": f"the catalogue's database is damaged. {_RESTORE}",
    "readonly database": "the catalogue's database cannot be written to. Make its disk writable, and try again.",
}
"""What SQLite says, and what that means."""


class StateColumn(TypeDecorator[State]):
    """A column of text that holds the states of one enumeration.

    The value is written as plain text: drivers disagree about how a member of an enumeration is written.
    """

    impl = String
    cache_ok = True

    def __init__(self, states: type[State]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what is written."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> State | None:  # noqa: ARG002 - as above
        """Return the state that was read."""
        return None if value is None else self.states(value)


class Base(DeclarativeBase):
    """Root of the tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        dict[str, Any]: JSON(none_as_null=True),
        JobStatus: StateColumn(JobStatus),
        UploadStatus: StateColumn(UploadStatus),
        CopyState: StateColumn(CopyState),
    }


class Scene(Base):
    """An uploaded scene. Times are seconds since 1970; the box is in degrees, None without georeference."""

    __tablename__ = "scenes"

    id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    filename: Mapped[str]
    size: Mapped[int]
    created: Mapped[float] = mapped_column(default=time.time, index=True)
    description: Mapped[dict[str, Any]]
    geometry: Mapped[dict[str, Any] | None]
    west: Mapped[float | None] = mapped_column(index=True)
    south: Mapped[float | None]
    east: Mapped[float | None]
    north: Mapped[float | None]
    acquired: Mapped[float | None] = mapped_column(index=True)
    polarisation: Mapped[str | None]
    unit: Mapped[str | None]
    force: Mapped[bool] = mapped_column(default=False)
    display: Mapped[CopyState] = mapped_column(default=CopyState.PREPARING)
    """The copy that SAR tiles are made from."""
    message: Mapped[str] = mapped_column(default="")
    parts: Mapped[dict[str, Any] | None]
    """File name for each polarisation, where the scene was sent as several files; `filename` is the first."""
    readings: Mapped[dict[str, Any] | None]
    """Of a scene that was read anew: how often, and the former readings of which there are results."""


class Reference(Base):
    """A true optical image of a scene, to compare with. `state` is that of its copy for tiles, as in `display`."""

    __tablename__ = "scene_references"

    scene_id: Mapped[str] = mapped_column(ForeignKey("scenes.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str]
    filename: Mapped[str]
    size: Mapped[int]
    created: Mapped[float] = mapped_column(default=time.time)
    state: Mapped[CopyState] = mapped_column(default=CopyState.PREPARING)
    message: Mapped[str] = mapped_column(default="")
    georeferenced: Mapped[bool]


class Upload(Base):
    """A file that comes in parts, or a request to make a scene of files that lie elsewhere."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    filename: Mapped[str]
    length: Mapped[int]
    options: Mapped[dict[str, Any]]
    """What POST /scenes takes beside a file."""
    order: Mapped[dict[str, Any] | None]
    """URLs to fetch or uploads to join, by polarisation; None for what the client sends itself."""
    status: Mapped[UploadStatus] = mapped_column(default=UploadStatus.RECEIVING, index=True)
    created: Mapped[float] = mapped_column(default=time.time)
    expires: Mapped[float]
    owner: Mapped[str | None]
    """Which service works on it."""
    scene_id: Mapped[str | None]
    new: Mapped[bool | None]
    problem: Mapped[dict[str, Any] | None]


class Job(Base):
    """One run of a process over a scene."""

    __tablename__ = "jobs"
    __table_args__ = (
        # The same job is done once: of those that have one key, one alone may be under way or done.
        Index(
            "one_job_a_key",
            "key",
            unique=True,
            sqlite_where=text("status IN ('accepted', 'running', 'successful')"),
            postgresql_where=text("status IN ('accepted', 'running', 'successful')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str]
    scene_id: Mapped[str] = mapped_column(ForeignKey("scenes.id", ondelete="CASCADE"), index=True)
    key: Mapped[str]
    inputs: Mapped[dict[str, Any]]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.ACCEPTED, index=True)
    progress: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="waiting")
    created: Mapped[float] = mapped_column(default=time.time)
    started: Mapped[float | None]
    finished: Mapped[float | None]
    updated: Mapped[float] = mapped_column(default=time.time)
    megapixels_per_second: Mapped[float | None]
    seconds_left: Mapped[float | None]
    owner: Mapped[str | None]
    """Which service runs it; it says every second that it still does, in `updated`."""
    attempts: Mapped[int] = mapped_column(default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    report: Mapped[dict[str, Any] | None]
    name: Mapped[str | None]
    """What somebody called its result."""

    @property
    def files(self) -> dict[str, str]:
        """Names of the files that it made, by what they hold."""
        files: dict[str, str] = (self.report or {}).get("files", {})
        return files


class Database:
    """Opens sessions; each `begin` is one transaction."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"pool_pre_ping": True}
        if url.startswith("sqlite"):
            options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        self.engine: Engine = create_engine(url, **options)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _configure_sqlite)
        Base.metadata.create_all(self.engine)
        _add_new_columns(self.engine)
        if self.engine.dialect.name == "sqlite" and self.engine.url.database:
            _watch_file(self.engine, Path(self.engine.url.database))
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self.when_full: Callable[[], bool] = lambda: False
        """Frees some space on the disk; returns whether it could."""

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a session that commits at the end, or rolls back when something is raised."""
        with self._sessions.begin() as session:
            yield session

    def write_always(self, work: Callable[[Session], Result]) -> Result:
        """Do a transaction that frees the disk or ends what fills it, also on a disk that is full; it may run twice."""
        try:
            with self.begin() as session:
                return work(session)
        except OperationalError as error:
            if not is_full(error) or not self.when_full():
                raise
        with self.begin() as session:
            return work(session)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_full(error: Exception) -> bool:
    """Whether SQLite or PostgreSQL says that its disk is full."""
    return any(words in str(error) for words in ("disk is full", "No space left on device", "disk I/O error"))


def trouble(error: Exception) -> str | None:
    """Say what is wrong with a database that is there no more, damaged or closed; None for what passes by itself."""
    return next((words for sign, words in _TROUBLE.items() if sign in str(error)), None)


def _watch_file(engine: Engine, path: Path) -> None:
    """Refuse to work where the file is not the one that was opened: what is written to it then nobody finds."""
    opened = path.stat()

    def check(*_: Any) -> None:
        try:
            same = os.path.samestat(path.stat(), opened)
        except OSError:
            same = False
        if not same:
            raise OperationalError(_GONE, None, FileNotFoundError(path.name))

    for moment in ("do_connect", "checkout"):
        event.listen(engine, moment, check)


def _add_new_columns(engine: Engine) -> None:
    """Bring tables of an earlier version up to date: what was added since may be empty."""
    for table in Base.metadata.sorted_tables:
        there = {column["name"] for column in inspect(engine).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there and column.nullable:
                kind = column.type.compile(engine.dialect)
                with engine.begin() as connection:
                    connection.execute(text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'))


def _configure_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers go on while one writes, and a killed process loses nothing that was committed.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
