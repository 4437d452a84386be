"""The states of jobs, uploads and copies, each named once."""

from enum import StrEnum


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
