"""When an image was taken, from the words of products and tags."""

import re
from datetime import UTC, datetime

_EARLIEST, _LATEST = datetime(1950, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No image was taken by radar before the one, and a time after the other is a slip."""
_IN_NAME = re.compile(r"(?<!\d)(\d{8}T\d{6}|\d{14})(?!\d)", re.IGNORECASE)


def parse_time(text: str) -> datetime | None:
    """Return the first time that a text holds, in UTC; None for none that is likely."""
    product = _IN_NAME.search(text)
    try:
        if product is None:
            time = datetime.fromisoformat(text.strip()[:26])
        else:
            time = datetime.strptime(product.group(1).upper().replace("T", ""), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if _EARLIEST <= time < _LATEST else None
