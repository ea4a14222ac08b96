"""Times as SIP and logs write them, made from Unix seconds that are handed in."""

from __future__ import annotations

from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: float) -> str:
    """`Sat, 13 Nov 2010 23:29:00 GMT`: the form of a Date header (RFC 3261 20.17)."""
    at = datetime.fromtimestamp(int(seconds), UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at:%Y %H:%M:%S} GMT"


def parse_http_date(text: str) -> float | None:
    """The Unix seconds of a Date header, None when it is malformed."""
    day, comma, rest = text.strip().partition(",")
    parts = rest.split()
    if not comma or len(day) != 3 or len(parts) < 4 or parts[1].capitalize() not in MONTHS:
        return None
    try:
        hour, minute, second = map(int, parts[3].split(":"))
        at = datetime(int(parts[2]), MONTHS.index(parts[1].capitalize()) + 1, int(parts[0]), hour, minute, second)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC).timestamp()
