"""Dates as text in the tables of a copy: in UTC, so that they compare as dates do."""

from __future__ import annotations

from datetime import UTC, datetime

from ..errors import SyncError
from ..wire.call_json import format_utc


def parse_utc(text: str) -> datetime:
    """Return the date that `format_utc` wrote; raise ValueError for any other text."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError("expected a date with an offset")
    return at if at.tzinfo is UTC else _to_utc(at)


def parse_row_date(project: int, call_id: str, text: str) -> datetime:
    """Return the date of a row of `calls`; raise SyncError, with its key, if it is invalid."""
    try:
        return parse_utc(text)
    except (ValueError, TypeError):
        problem = f"the call {call_id} of project {project} has an invalid date in the table calls"
    raise SyncError(f"{problem}; restore the copy, or delete that row and sync again with --full")


def format_second(at: datetime) -> str:
    """Return a date in UTC without a fraction."""
    return format_utc(_to_utc(at).replace(microsecond=0))


def second_prefix(at: datetime) -> str:
    """Return the text that sorts before all dates of a second: without "Z", which is last."""
    return format_second(at).removesuffix("Z")


def format_optional(at: datetime | None) -> str | None:
    """Return a date as text, None for None."""
    return None if at is None else format_utc(at)


def parse_optional(text: str | None) -> datetime | None:
    """Return the date of a text, None for None."""
    return None if text is None else parse_utc(text)


def _to_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:  # within hours of the first or the last date of all
        return at
