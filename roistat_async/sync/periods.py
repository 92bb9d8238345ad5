"""Which stretches of time a sync reads: plain dates in, plain periods out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from attrs import evolve

from ..models.period import Period
from .target import SyncState

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
_STEP = timedelta(days=30)
_NEAR = timedelta(minutes=10)
"""Active calls this near to each other are read in one walk: it costs three requests at least."""


def backfill(since: datetime, covered_from: datetime) -> Iterator[Period]:
    """Give the time before what is covered in pieces, the latest first.

    After each piece the cover reaches further back, so that an interruption costs one of them.
    """
    end = covered_from
    while since < end:
        start = max(since, end - _STEP)
        yield Period(start, end)
        end = start


def covering(moments: Iterable[datetime], *, whole_days: bool) -> Iterator[Period]:
    """Give the periods that hold these moments, in order, those near to each other in one."""
    start = end = None
    for moment in sorted(moments):
        first = utc_day(moment) if whole_days else moment
        last = first + DAY if whole_days else moment + SECOND
        if start is not None and end is not None and first - end > _NEAR:
            yield Period(start, end)
            start = None
        start = first if start is None else start
        end = last
    if start is not None and end is not None:
        yield Period(start, end)


def utc_day(moment: datetime) -> datetime:
    """Give the beginning of a moment's day in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def extend_coverage(
    state: SyncState, start: datetime, sealed: datetime, lookback: timedelta
) -> SyncState:
    """Add a stretch that was read as a whole to what is covered, where the two meet.

    Only one that holds the lookback moves the watermark: late calls before it are yet to be read.
    """
    covered, watermark = state.covered_from, state.watermark
    if covered is None:
        return SyncState(covered_from=start, watermark=sealed)
    if watermark is None or start > watermark or sealed < covered:
        return state
    holds = start <= max(covered, watermark - lookback)
    return evolve(
        state,
        covered_from=min(covered, start),
        watermark=max(watermark, sealed) if holds else watermark,
    )
