"""Jobs that were taken out of the list here. The service goes on listing them, as what happened."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsSettings

from ..client.answers import Job

ROOT = "geosar/cleared"


def clear(connection: str, jobs: Iterable[str]) -> None:
    """Take jobs out of the list of a connection."""
    QgsSettings().setValue(f"{ROOT}/{connection}", sorted(_cleared(connection) | set(jobs)))


def listed(connection: str, jobs: list[Job]) -> list[Job]:
    """Return the jobs that are not taken out; what the service knows no longer is forgotten here too."""
    cleared = _cleared(connection)
    left = cleared & {job.id for job in jobs}
    if left != cleared:
        QgsSettings().setValue(f"{ROOT}/{connection}", sorted(left))
    return [job for job in jobs if job.id not in left]


def _cleared(connection: str) -> set[str]:
    value = QgsSettings().value(f"{ROOT}/{connection}", [])
    return {value} - {""} if isinstance(value, str) else set(value or ())
