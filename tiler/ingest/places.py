"""Places for uploads that are under way: no client takes all, and what stands still makes way when they run out."""

from collections.abc import Sequence

from geosar_tiler.errors import OverloadedError
from geosar_tiler.state.database import Upload
from geosar_tiler.state.states import UploadStatus

MOST_OPEN = 200
"""Uploads and orders that may be under way at once; more are answered 503."""
MOST_OF_ONE = 100
"""The most of them that are of one client."""
STILL_SECONDS = 600.0
"""An upload for which nothing came for so long makes way for another, when there are no places left."""


def making_way(under_way: Sequence[Upload], client: str, since: float) -> list[Upload]:
    """Choose those of which one must make way for a new upload, the stillest first; none where there is a place.

    `since` is when that expires which stands still since STILL_SECONDS. Raises OverloadedError where all are at work.
    """
    own = [one for one in under_way if one.options.get("client", "") == client]
    if len(own) < MOST_OF_ONE and len(under_way) < MOST_OPEN:
        return []
    among = own if len(own) >= MOST_OF_ONE else under_way
    still = [
        one
        for one in among
        if one.status in {UploadStatus.RECEIVING, UploadStatus.HELD} and one.order is None and one.expires < since
    ]
    if not still:
        whose = "of yours " if among is own else ""
        raise OverloadedError(
            f"{len(among)} uploads {whose}are under way, as many as this service takes. Try again later."
        )
    return sorted(still, key=lambda one: one.expires)
