"""From a client or a copy to the file of a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from ..client import Roistat
from ..errors import AccessDeniedError, ConfigurationError, FeatureUnavailableError
from ..files.part_file import PartFile
from ..files.paths import check_target
from ..files.threads import run_in_thread
from ..models.analytics import CallAnalytics
from ..models.period import Period
from ..sync.file_status import is_file_copy
from ..sync.flat_calls import read_flat_calls
from ..sync.status import ProjectStatus, read_status
from ..sync.timestamps import parse_utc
from ..validation import require_int
from .aggregation import Aggregator, CallFacts, facts_of
from .figures import Cost, Figures, IntervalCost
from .page import render, require_libraries

Progress = Callable[[int], None]
"""Callback with the number of calls read so far."""

_COLUMNS = ("date", "status", "answer_duration", "waiting_time", "source", "region")
_PROGRESS_STEP = 1000


@frozen(kw_only=True)
class WrittenReport:
    """Written report: its file, the size of it in bytes, and the numbers of calls in it."""

    path: Path
    size: int
    calls: int
    answered: int
    missed: int


async def write_report(
    source: Roistat | str | os.PathLike[str],
    *,
    to: str | os.PathLike[str],
    period: Period,
    tz: tzinfo = UTC,
    project: int | None = None,
    progress: Progress | None = None,
) -> WrittenReport:
    """Write a report about the calls of a period as one HTML file.

        await write_report(roistat, to="may.html", period=Period.parse("2026-05-01..2026-05-31"))

    `source` is a client, whose project is read with `calls.history`, or a copy in SQLite or
    PostgreSQL, by its path or URL. Of a copy all projects are counted, or only `project`. Costs
    come from Roistat's analytics, so a copy has none.

    `tz` is the zone of days and hours. An existing file is replaced, and only by a complete one.
    The page loads nothing from the network, and has no phone number or other personal data in it.
    Raises ConfigurationError, before anything is read, if the extra `report` is missing.
    """
    target = check_target(to)
    require_libraries()
    if isinstance(source, Roistat):
        if project is not None:
            raise ConfigurationError("project is for copies; use roistat.for_project(...)")
        figures = await _read_client(source, period, tz, progress)
    else:
        check_copy(source)
        if project is not None:
            require_int(project, "project")
        figures = await run_in_thread(partial(_read_copy, source, period, tz, project))
    page = await run_in_thread(partial(render, figures, zone=_zone_name(tz, period)))
    with PartFile(target) as part:
        saved = await part.publish([page.encode()])
    return WrittenReport(
        path=saved.path,
        size=saved.size,
        calls=figures.total.calls,
        answered=figures.total.answered,
        missed=figures.total.missed,
    )


def check_copy(copy: str | os.PathLike[str]) -> None:
    """Raise ConfigurationError for a copy in files, which a report cannot read."""
    if is_file_copy(copy):
        raise ConfigurationError(
            "a report reads a copy in SQLite or PostgreSQL, not NDJSON or Parquet files; "
            "sync into calls.db too"
        )


async def _read_client(
    roistat: Roistat, period: Period, tz: tzinfo, progress: Progress | None
) -> Figures:
    aggregator = Aggregator(period, tz)
    history = roistat.calls.history(period, extend=("visit",), on_bad_record="skip")
    async with history as walk:
        async for call in walk:
            aggregator.add(facts_of(call))
            if progress is not None and aggregator.calls % _PROGRESS_STEP == 0:
                progress(aggregator.calls)
    if progress is not None:
        progress(aggregator.calls)
    cost = await _read_cost(roistat, period, tz)
    count = len(walk.bad_records)
    notes = [f"Calls that could not be read, and are not counted: {count:,}."] if count else []
    return aggregator.figures(source=f"Project {roistat.project}", cost=cost, notes=notes)


async def _read_cost(roistat: Roistat, period: Period, tz: tzinfo) -> Cost | None:
    """Return the costs; None where the key or the tariff does not allow analytics."""
    zoned = Period(period.start.astimezone(tz), period.end.astimezone(tz))
    try:
        return _cost_of(await roistat.analytics.get(zoned))
    except (AccessDeniedError, FeatureUnavailableError):
        return None


def _cost_of(analytics: CallAnalytics) -> Cost:
    """Return the costs by the days that Roistat states."""
    return Cost(
        intervals=[
            IntervalCost(start=day.date.date(), cost=day.value)
            for day in analytics.call_cost.values
            if day.date is not None and day.value is not None
        ],
        average=analytics.call_cost.average,
    )


def _read_copy(
    copy: str | os.PathLike[str], period: Period, tz: tzinfo, project: int | None
) -> Figures:
    status = read_status(copy)
    projects = [item for item in status.projects if project in (None, item.project)]
    if not projects:
        known = ", ".join(str(item.project) for item in status.projects) or "none"
        raise ConfigurationError(f"{status.name} has no such project; it has: {known}")

    def aggregate(rows: Iterable[tuple[Any, ...]]) -> Aggregator:
        aggregator = Aggregator(period, tz)
        for date, *values in rows:
            aggregator.add(CallFacts(parse_utc(date), *values))
        return aggregator

    aggregator = read_flat_calls(copy, _COLUMNS, period=period, project=project, use=aggregate)
    numbers = ", ".join(str(item.project) for item in projects)
    return aggregator.figures(
        source=f"Project{'' if len(projects) == 1 else 's'} {numbers}, from a local copy",
        notes=[note for item in projects for note in _gaps(item, period, tz)],
    )


def _gaps(status: ProjectStatus, period: Period, tz: tzinfo) -> Iterable[str]:
    """Yield what of the period a copy does not cover."""
    if status.sealed_until is None or status.covered_from is None:
        yield f"The copy of project {status.project} is not complete: its first sync has not ended."
        return
    if period.start < status.covered_from:
        yield (
            f"The copy of project {status.project} has no calls before "
            f"{_format_minute(status.covered_from, tz)}: sync with an earlier --since."
        )
    if period.end > status.sealed_until:
        yield (
            f"The copy of project {status.project} is complete until "
            f"{_format_minute(status.sealed_until, tz)}. Later calls may be missing until the next "
            "sync."
        )
    if status.bad_records:
        yield (
            f"Calls of project {status.project} that could not be read, and are not counted: "
            f"{len(status.bad_records):,}. See roistat status."
        )


def _format_minute(at: datetime, tz: tzinfo) -> str:
    return f"{at.astimezone(tz):%Y-%m-%d %H:%M}"


def _zone_name(tz: tzinfo, period: Period) -> str:
    """Return "Europe/Moscow", or what a zone without a name calls itself."""
    name: object = getattr(tz, "key", None) or tz.tzname(period.start)
    return str(name or "a time zone without a name")
