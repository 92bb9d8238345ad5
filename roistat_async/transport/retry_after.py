"""The header that says when to come back. Nobody has seen Roistat send one (facts §1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)


def parse_retry_after(value: str | None, *, date: str | None, now: datetime) -> float | None:
    """Give the seconds to wait, or None for a header that is absent or no good.

    A date is compared with the answer's own `Date`, so that a wrong local clock does no harm.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = parse_http_date(text)
    if until is None:
        return None
    return max(0.0, (until - (parse_http_date(date) or now)).total_seconds())


def parse_http_date(text: str | None) -> datetime | None:
    """Read a date as HTTP headers have it; None for anything else."""
    if not text or text[0].isdigit() or not text.isascii():
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)
