"""How much space the store has: the disk's or the quota's, less what was promised to uploads that are under way.

Space is reserved `exclusively` of the store, so that none is reserved twice.
"""

from dataclasses import dataclass

from sqlalchemy import select

from geosar_tiler.state.database import Database, Upload
from geosar_tiler.state.states import UploadStatus
from geosar_tiler.state.store import Store

LEAST_SHARE = 0.25
"""Compressed, speckle takes more of its bytes than this; what is refused by this estimate would not have fitted."""


def least_copy_bytes(width: int, height: int, bytes_of_pixel: int, valid: float = 1.0) -> int:
    """Return how many bytes the copy for tiles of a raster takes at least, of which a share is valid.

    >>> least_copy_bytes(1000, 1000, 2)
    500000
    """
    return int(width * height * bytes_of_pixel * valid * LEAST_SHARE)


@dataclass(frozen=True, slots=True)
class Quota:
    """How much may be written to the store: `most` bytes in all, or as many as the disk has."""

    store: Store
    database: Database
    most: int | None

    def free_bytes(self, *, without: str | None = None) -> int:
        """Bytes that may still be written, less than zero where the quota is exceeded.

        `without` names an upload whose own promise does not count.
        """
        free = self.store.free_bytes()
        if self.most is not None:
            free = min(free, self.most - self.store.used_bytes())
        free -= self.store.promised_bytes()
        with self.database.begin() as session:
            query = select(Upload.id, Upload.length).where(
                Upload.status == UploadStatus.RECEIVING, Upload.order.is_(None)
            )
            promised = session.execute(query).all()
        for upload_id, length in promised:
            if upload_id != without:
                free -= max(0, length - self.size_of(upload_id))
        return free

    def size_of(self, upload_id: str) -> int:
        """Bytes of a resumable upload that have come."""
        try:
            return self.store.resumable(upload_id).stat().st_size
        except FileNotFoundError:
            return 0
