"""Source of dlt: calls, phones, scripts and daily figures of a project for a warehouse.

    pipeline = dlt.pipeline("roistat", destination="duckdb", dataset_name="telephony")
    pipeline.run(roistat_source(project=12345, since="2026-01-01"))

Calls are Arrow tables, merged on (project, id). The position reached lies in dlt's own state of
`dlt.sources.incremental`, which dlt stores together with the rows.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define, frozen

from ..client import Roistat
from ..config import Limits, read_environment
from ..errors import ConfigurationError, RoistatError
from ..extras import import_extra
from ..models.analytics import CallAnalytics
from ..models.period import Period, check_aware, to_utc
from ..wire.list_query import CallExtension
from .background_loop import iterate_in_thread

if TYPE_CHECKING:
    import dlt
    from dlt.common.configuration import with_config
    from dlt.common.typing import TSecretStrValue
    from dlt.extract import DltResource, DltSource
else:
    dlt = import_extra("dlt", extra="dlt")
    with_config = import_extra("dlt.common.configuration", extra="dlt").with_config
    TSecretStrValue = import_extra("dlt.common.typing", extra="dlt").TSecretStrValue
    import_extra("pyarrow", extra="dlt")  # the tables would name the extra `arrow`

from .dlt_tables import (
    ANALYTICS,
    OPTIONS,
    PHONES,
    SCRIPTS,
    select_fields,
    to_calls_table,
    to_table,
)

_T = TypeVar("_T")
_DAY = timedelta(days=1)
# The local clock may be slow: a run also requests calls that are newer than it.
_CLOCK_TOLERANCE = _DAY


@with_config(sections=("sources", "roistat"))
def roistat_source(
    *,
    api_key: TSecretStrValue | None = None,
    project: int | str | None = None,
    base_url: str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    lag: timedelta = _DAY,
    extend: Sequence[CallExtension] = ("visit", "order"),
    page_size: int = 1000,
    limits: Limits | None = None,
) -> DltSource:
    """Return a source of dlt for one project: `calls`, `phones`, `scripts` and `analytics`.

    The first run reads the calls from `since` on. Each later run reads what is new, and the last
    `lag` again, because calls are recorded late and change. The position is kept for each project,
    so that a pipeline may have several: `pipeline.run([roistat_source(project=1, ...),
    roistat_source(project=2, ...)])`.

    Arguments:
        api_key: an argument left out is read from dlt's configuration, e.g. `api_key` under
            `[sources.roistat]` in `.dlt/secrets.toml`, then from the environment:
            ROISTAT_API_KEY, ROISTAT_PROJECT, ROISTAT_BASE_URL.
        project: the number of one project.
        base_url: another address, e.g. that of a fake server.
        since: start of the first run, a datetime with a time zone, or a text such as "2026-01-01",
            which is UTC if it has no offset.
        until: end of the calls to read. Such a run reads the whole period, and leaves the position
            of the pipeline as it is.
        lag: how late a call may be recorded or changed and still be found.
        extend: parts of a call to request, of "visit" and "order".
        page_size: rows of a page, as in `calls.history`.
        limits: lower ones where other programs use the project, too.

    Raises ConfigurationError if an argument is invalid or missing.
    """
    limits = limits or Limits(when_exhausted="wait")  # a load has time
    client = _clients(limits, api_key=api_key, project=project, base_url=base_url)
    cursor = _Cursor(
        _parse_date(since, "since"),
        None if until is None else _parse_date(until, "until"),
        _parse_lag(lag),
    )
    # One client for each resource, because dlt may read several resources in turn.
    calls = _Calls(client(), extend, page_size)
    calls.walk(Period(cursor.since, cursor.until or cursor.since + _DAY))  # checks the options
    resources = (
        _calls(calls, cursor),
        _phones(client()),
        _scripts(client()),
        _analytics(client(), cursor),
    )
    # dlt stores the position of a cursor by the name of its source.
    name = f"roistat_{calls.roistat.project}"
    source: DltSource = dlt.source(lambda: resources, name=name, section="roistat")()
    return source


@frozen
class _Cursor:
    """Dates between which a source reads, and how far back a later run begins."""

    since: datetime
    until: datetime | None
    lag: timedelta

    def incremental(self) -> dlt.sources.incremental[datetime]:
        """Return a cursor of dlt on the column `date`."""
        return dlt.sources.incremental[datetime](
            "date",
            initial_value=self.since,
            end_value=self.until,
            lag=self.lag.total_seconds(),
            # A scheduler that replaces the period would leave gaps between its intervals.
            allow_external_schedulers=False,
        )


@frozen
class _Calls:
    """Client, and the options of its history walks."""

    roistat: Roistat
    _extend: Sequence[CallExtension]
    _page_size: int

    def walk(self, period: Period) -> Any:
        """Return the walk over a period."""
        return self.roistat.calls.history(
            period, extend=self._extend, page_size=self._page_size, on_bad_record="raise"
        )


def _calls(source: _Calls, cursor: _Cursor) -> DltResource:
    @dlt.resource(name="calls", write_disposition="merge", primary_key=("project", "id"))
    def calls(date: dlt.sources.incremental[datetime] = cursor.incremental()) -> Iterator[Any]:  # noqa: B008 - dlt reads it
        position = _Position.of(date, cursor, source.roistat.clock.utc_now())
        for table, reached in iterate_in_thread(_call_tables(source, position)):
            if table is not None:
                yield table
            # After the yield: a limit of dlt ends there, and the table after it is not loaded.
            position.move(reached)

    return calls


async def _call_tables(
    source: _Calls, position: _Position
) -> AsyncGenerator[tuple[Any, datetime | None], None]:
    """Yield each page as a table, with the date up to which the history is then complete."""
    async with source.roistat as roistat:
        walk = source.walk(position.period)
        try:
            async with aclosing(walk.pages()) as pages:
                async for page in pages:
                    table = to_calls_table(page.items, roistat.project)
                    yield table, walk.report.sealed_until
        except RoistatError as error:
            # Its advice is for a walk of one's own: here the next run resumes.
            error.__notes__ = ["nothing of this run was loaded; run the pipeline again"]
            raise
        yield None, walk.report.sealed_until


@define
class _Position:
    """Period that a run reads, and the position that it leaves in the state of dlt."""

    _cursor: dlt.sources.incremental[datetime]
    _reached: datetime
    period: Period

    @classmethod
    def of(
        cls, cursor: dlt.sources.incremental[datetime], settings: _Cursor, now: datetime
    ) -> _Position:
        """Return the position where the last run ended."""
        # dlt would move the position to the newest row, before which calls may still be recorded.
        cursor.advance(cast(datetime, None))
        state = cursor.get_state()
        _check_since(settings.since, _to_utc(state["initial_value"]))
        reached = _to_utc(state["last_value"])
        start = _to_utc(cursor.start_value)
        if settings.until is None:  # a clock that was once ahead must not leave a gap
            reached, start = min(reached, now), min(start, now - settings.lag)
        start = max(start, settings.since)
        end = settings.until or max(start, now) + _CLOCK_TOLERANCE
        return cls(cursor, max(reached, start), Period(start, end))

    def move(self, reached: datetime | None) -> None:
        """Move the position forward: an earlier run has read what lies behind it."""
        if reached is not None:
            self._reached = max(self._reached, reached)
            self._cursor.advance(self._reached)


def _check_since(since: datetime, first_since: datetime) -> None:
    """Warn if a run would ignore that `since` was moved back."""
    if since < first_since:
        first = first_since.isoformat()
        warnings.warn(
            f"since is earlier than {first}, where the first run began; this run loads nothing "
            f"before that. Load it once by a run with until={first!r}, then restore since",
            stacklevel=2,
        )


def _analytics(roistat: Roistat, cursor: _Cursor) -> DltResource:
    @dlt.resource(name="analytics", write_disposition="merge", primary_key=("project", "date"))
    def analytics(date: dlt.sources.incremental[datetime] = cursor.incremental()) -> Iterator[Any]:  # noqa: B008 - dlt reads it
        now = roistat.clock.utc_now()
        position = _Position.of(date, cursor, now)
        start = _midnight(position.period.start)
        end = cursor.until or max(now, start + _DAY)

        async def read() -> Any:
            figures = await roistat.analytics.get(Period(start, end))
            return to_table(_days(figures, start), ANALYTICS, roistat.project)

        yield from iterate_in_thread(_result(roistat, read))
        position.move(end - _DAY)  # the last day is not over in every time zone

    return analytics


def _days(figures: CallAnalytics, start: datetime) -> list[dict[str, Any]]:
    """Return the figures of each day that began in the period.

    A day that began before it, in the time zone of the project, has partial sums.
    """
    series = {
        "calls": figures.daily_quantity,
        "duration": figures.daily_duration,
        "call_cost": figures.call_cost,
    }
    days: dict[datetime, dict[str, Any]] = {}
    for column, values in series.items():
        for day in values.values:
            if day.date is not None and day.date >= start:
                days.setdefault(day.date, {"date": day.date})[column] = day.value
    return list(days.values())


def _phones(roistat: Roistat) -> Any:
    async def read() -> Any:
        phones = await roistat.phones.list().collect()
        return to_table([select_fields(phone, PHONES) for phone in phones], PHONES, roistat.project)

    return _listing("phones", roistat, read)


def _scripts(roistat: Roistat) -> Any:
    async def read() -> Any:
        scripts = await roistat.scripts.list()
        rows = [
            select_fields(script, SCRIPTS) | select_fields(script.options, OPTIONS)
            for script in scripts
        ]
        return to_table(rows, SCRIPTS, roistat.project)

    return _listing("scripts", roistat, read)


def _listing(name: str, roistat: Roistat, read: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Return a resource whose rows replace those that the project had before."""

    # With merge_key, rows that no longer exist are deleted, but not those of other projects.
    @dlt.resource(
        name=name, write_disposition="merge", primary_key=("project", "id"), merge_key="project"
    )
    def rows() -> Iterator[Any]:
        yield from iterate_in_thread(_result(roistat, read))

    return rows


async def _result(
    roistat: Roistat, read: Callable[[], Coroutine[Any, Any, _T]]
) -> AsyncGenerator[_T, None]:
    """Yield what a function returns while the client is open."""
    async with roistat:
        yield await read()


def _clients(limits: Limits, **arguments: Any) -> Callable[[], Roistat]:
    """Return a function that makes a client of the arguments, or else of the environment."""
    present = {name: value for name, value in arguments.items() if value is not None}
    problem = None
    try:
        options = present | read_environment(overrides=present)
    except ConfigurationError as error:
        problem = str(error)
    if problem is not None:
        raise ConfigurationError(
            f"{problem}, or pass api_key and project, or write them under [sources.roistat] into "
            ".dlt/secrets.toml"
        )
    return lambda: Roistat(**options, limits=limits)


def _parse_date(value: datetime | str | None, what: str) -> datetime:
    """Return a date in UTC; raise ConfigurationError if it is none or has no time zone."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        value = at.replace(tzinfo=UTC) if at and at.utcoffset() is None else at
    if value is None:
        raise ConfigurationError(f'{what} must be a date, e.g. {what}="2026-01-01"')
    check_aware(value, what)
    return to_utc(value, what)


def _parse_lag(value: object) -> timedelta:
    if not isinstance(value, timedelta) or value < timedelta(0):
        raise ConfigurationError("lag must be a timedelta, 0 or more")
    return value


def _to_utc(at: Any) -> datetime:
    # dlt keeps dates as those of pendulum, a subclass of datetime.
    return datetime.fromisoformat(at.isoformat()).astimezone(UTC)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
