"""Periods that a sync reads, computed from plain dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from attrs import evolve

from ..models.period import Period
from ..paging.checked_page import SECOND
from .target import SyncState

_DAY = timedelta(days=1)
_BACKFILL_STEP = timedelta(days=30)
# Each walk costs three requests at least, so calls close to each other share one.
_MAX_GAP = timedelta(minutes=10)


def backfill(since: datetime, covered_from: datetime) -> Iterator[Period]:
    """Split the time before what is covered into periods, the latest first.

    Each one extends the coverage, so that an interruption costs one period at most.
    """
    end = covered_from
    while since < end:
        start = since if end - since < _BACKFILL_STEP else end - _BACKFILL_STEP
        yield Period(start, end)
        end = start


def covering(spans: Iterable[tuple[datetime, datetime]], *, whole_days: bool) -> Iterator[Period]:
    """Return sorted periods that contain all spans; spans close to each other share one.

    A span is a first and a last date.
    """
    start = end = None
    for first, last in sorted(spans):
        if whole_days:
            first, last = utc_day(first), utc_day(last)
        if start is not None and end is not None and first - end > _MAX_GAP:
            yield Period(start, end)
            start = end = None
        start = first if start is None else start
        span_end = last + (_DAY if whole_days else SECOND)
        end = span_end if end is None else max(end, span_end)
    if start is not None and end is not None:
        yield Period(start, end)


def utc_day(at: datetime) -> datetime:
    """Return the start of the day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def extend_coverage(
    state: SyncState, start: datetime, sealed_until: datetime, lookback: timedelta
) -> SyncState:
    """Add a period that was read as a whole to the coverage, if the two touch.

    The watermark moves only if the period contains the lookback: late calls before the period are
    still to be read.
    """
    covered_from, watermark = state.covered_from, state.watermark
    if covered_from is None:
        return evolve(state, covered_from=start, watermark=sealed_until, walk=None)
    if watermark is None or start > watermark or sealed_until < covered_from:
        return state
    has_lookback = start <= max(covered_from, watermark - lookback)
    return evolve(
        state,
        covered_from=min(covered_from, start),
        watermark=max(watermark, sealed_until) if has_lookback else watermark,
    )
