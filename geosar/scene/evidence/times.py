"""When an image was taken, from the words of products and tags."""

import re
from datetime import UTC, datetime

_EARLIEST, _LATEST = datetime(1950, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No image was taken by radar before the one, and a time after the other is a slip."""
_IN_NAME = re.compile(r"(?<!\d)(\d{8}T\d{6}|\d{14})(?!\d)", re.IGNORECASE)

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def parse_time(text: str) -> datetime | None:
    """Return the first time that a text holds, in UTC; None for none that is likely.

    >>> str(parse_time("S1A_IW_GRDH_1SDV_20200103T173953_x")), str(parse_time("2020-01-03T17:39:53.1234567+02:00"))
    ('2020-01-03 17:39:53+00:00', '2020-01-03 15:39:53.123456+00:00')
    >>> str(parse_time("3-JAN-2020 17:39:53.12")), str(parse_time("2020:01:03 17:39:53 UTC"))
    ('2020-01-03 17:39:53.120000+00:00', '2020-01-03 17:39:53+00:00')
    """
    product = _IN_NAME.search(text)
    try:
        if product is None:
            time = datetime.fromisoformat(_iso(text.strip()))
        else:
            time = datetime.strptime(product.group(1).upper().replace("T", ""), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if _EARLIEST <= time < _LATEST else None


def _iso(text: str) -> str:
    """Write as ISO 8601 what SNAP (3-JAN-2020), EXIF (2020:01:03) and others write, to the microsecond."""
    named = re.match(r"(\d{1,2})[- ]([A-Za-z]{3})[- ](\d{4})(?!\d)", text)
    if named and named[2].upper() in _MONTHS:
        text = f"{named[3]}-{_MONTHS.index(named[2].upper()) + 1:02}-{int(named[1]):02}{text[named.end() :]}"
    text = re.sub(r"^(\d{4})[/:](\d\d)[/:](\d\d)", r"\1-\2-\3", text)
    return re.sub(r"\s*UTC$", "Z", re.sub(r"([.,]\d{6})\d+", r"\1", text))
