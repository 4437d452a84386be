"""What room the store has: the disk's or the quota's, less what was promised to uploads that are under way."""

from sqlalchemy import select

from tiler.services import Services
from tiler.state.database import Upload


def room(services: Services, *, without: str | None = None) -> int:
    """Bytes that may still be written, less than zero where the quota is exceeded.

    `without` names an upload whose own promise does not count.
    """
    store = services.store
    free = store.free_bytes()
    if services.settings.quota_bytes is not None:
        free = min(free, services.settings.quota_bytes - store.used_bytes())
    with services.database.begin() as session:
        query = select(Upload.id, Upload.length).where(Upload.status == "receiving", Upload.order.is_(None))
        promised = session.execute(query).all()
    for upload_id, length in promised:
        if upload_id != without:
            free -= max(0, length - size_of(services, upload_id))
    return free


def size_of(services: Services, upload_id: str) -> int:
    """Bytes of a resumable upload that have come."""
    try:
        return services.store.resumable(upload_id).stat().st_size
    except FileNotFoundError:
        return 0
