"""Options that several commands share, and their words read into the library's arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from ..client import Roistat
    from ..models.period import Period

F = TypeVar("F", bound=Callable[..., Any])

_LAST = re.compile(r"([0-9]{1,6})([dhw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_NUMBERS = frozenset(
    ("is_external", "script_id", "duration", "waiting_time", "answer_duration", "call_count")
)


def connection(command: F) -> F:
    """Add the options that say whose data and where; the key itself is never one of them."""
    for option in (
        click.option("--base-url", help="Another address (ROISTAT_BASE_URL)."),
        click.option("--project", help="The project's number (ROISTAT_PROJECT)."),
        click.option(
            "--api-key-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="A file that holds the key, instead of ROISTAT_API_KEY.",
        ),
    ):
        command = option(command)
    return command


def period(command: F) -> F:
    """Add the options that say which time."""
    for option in (
        click.option("--tz", default="UTC", show_default=True, help="Zone of dates without one."),
        click.option("--last", metavar="7d", help="The last 24h, 7d or 4w."),
        click.option("--period", "period_text", metavar="2026-05-01..2026-05-31", help="Days."),
    ):
        command = option(command)
    return command


def open_client(base_url: str | None, project: str | None, api_key_file: Path | None) -> Roistat:
    """Make the client of the environment and the options."""
    import os

    from ..client import Roistat

    given = {"ROISTAT_BASE_URL": base_url, "ROISTAT_PROJECT": project}
    if api_key_file is not None:
        given["ROISTAT_API_KEY"] = api_key_file.read_text(encoding="utf-8")
    known = {name: value for name, value in given.items() if value is not None}
    return Roistat.from_env({**os.environ, **known})


def read_period(period_text: str | None, last: str | None, tz: str) -> Period | None:
    """Read --period or --last; None if neither was given."""
    from ..models.period import Period

    if period_text and last:
        raise click.UsageError("give --period or --last, not both")
    if period_text:
        return Period.parse(period_text, tz=read_zone(tz))
    if not last:
        return None
    found = _LAST.fullmatch(last)
    if not found:
        raise click.UsageError("--last is a number and h, d or w, e.g. 24h or 7d")
    return Period.last(hours=int(found[1]) * _HOURS[found[2]])


def need_period(period_text: str | None, last: str | None, tz: str) -> Period:
    """Read --period or --last, one of which must be there."""
    found = read_period(period_text, last, tz)
    if found is None:
        raise click.UsageError("say which time: --last 7d or --period 2026-05-01..2026-05-31")
    return found


def inside(period: Period) -> list[tuple[str, str, Any]]:
    """Give the filters for a period, in the two operators that the vendor's page shows."""
    return [("date", ">", period.start - timedelta(seconds=1)), ("date", "<", period.end)]


def read_zone(name: str) -> tzinfo:
    """Find a time zone by its name."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        pass
    raise click.UsageError("--tz is no time zone this machine knows, e.g. Europe/Moscow")


def read_filters(texts: tuple[str, ...], zone: tzinfo) -> list[tuple[str, str, Any]]:
    """Read `status = ANSWER`, `date > 2026-05-01T10:00`, `id in 1,2,3`."""
    return [_read_filter(text, zone) for text in texts]


def read_sort(text: str) -> tuple[str, str]:
    """Read `date:desc`; without a direction it is asc."""
    name, _, direction = text.partition(":")
    return name, direction or "asc"


def _read_filter(text: str, zone: tzinfo) -> tuple[str, str, Any]:
    parts = text.split(None, 2)
    if len(parts) != 3:
        raise click.UsageError('--filter is "field operator value", e.g. "status = ANSWER"')
    name, operator, value = parts
    if operator == "in":
        return name, operator, [_read_value(name, part, zone) for part in value.split(",")]
    if operator == "null":
        return name, operator, value in ("1", "true", "yes")
    return name, operator, _read_value(name, value, zone)


def _read_value(name: str, text: str, zone: tzinfo) -> Any:
    if name.endswith("date"):
        return _read_moment(text, zone)
    return int(text) if name in _NUMBERS and text.isascii() and text.isdigit() else text


def _read_moment(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        raise click.UsageError("a date is 2026-05-01 or 2026-05-01T10:00+03:00")
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=zone)
