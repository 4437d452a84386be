"""Processes, and the states of jobs, uploads and copies: each named once."""

from enum import StrEnum


class Process(StrEnum):
    """What a job does."""

    TRANSLATE = "translate"
    PREPARE = "prepare"
    """Makes the copy of a scene that its tiles are made from; the service's own, as the next."""
    REFERENCE = "reference"
    """Makes the copy of a true optical image that its tiles are made from."""


INTERNAL = (Process.PREPARE, Process.REFERENCE)
"""The service's own processes; clients see nothing of them."""


class JobStatus(StrEnum):
    """How far a job is, in the words of OGC API - Processes."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


class UploadStatus(StrEnum):
    """How far an upload or an import request is."""

    RECEIVING = "receiving"
    HELD = "held"
    """Complete, and kept to be joined with others."""
    CHECKING = "checking"
    DONE = "done"
    FAILED = "failed"


class CopyState(StrEnum):
    """How far the copy is that tiles are made from."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


LIVE = (JobStatus.ACCEPTED, JobStatus.RUNNING)
UNFINISHED = (UploadStatus.RECEIVING, UploadStatus.HELD, UploadStatus.CHECKING)
