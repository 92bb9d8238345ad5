"""Options that several commands share, and the parsing of their values."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

import click
from click.core import ParameterSource

from ..downloads.file_kind import AudioFormat
from ..errors import ConfigurationError
from .profiles import current_profile, default_zone, is_option, profile_option
from .terminal import program_path
from .text import print_error
from .zones import load_zone

if TYPE_CHECKING:
    from .. import Limits, Period, Roistat
    from .config_file import Profile

F = TypeVar("F", bound=Callable[..., Any])

_MAX_KEY_SIZE = 1024
_LENGTH = re.compile(r"([0-9]{1,6})([wdhms])", re.ASCII)
_MAX_LENGTH = timedelta(weeks=5000)  # a date this long ago is still a date
_DAYS_AGO = {"today": 0, "yesterday": 1}
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class ConnectionOptions(NamedTuple):
    """Options of the connection: project, address, key, proxy and limits."""

    project: str | None
    base_url: str | None
    api_key_file: Path | None
    proxy: str | None
    per_second: float | None
    per_hour: float | None
    share_limits: Path | None

    def environ(self) -> dict[str, str]:
        """Return the environment with the settings of the profile and of these options."""
        profile = current_profile()
        environ = with_profile(os.environ, profile)
        if profile is not None and is_option():
            _warn_outranked(profile)
        if self.project is not None:
            environ["ROISTAT_PROJECT"] = self.project
        if self.base_url is not None:
            environ["ROISTAT_BASE_URL"] = self.base_url
        if self.api_key_file is not None:
            environ["ROISTAT_API_KEY"] = _read_key(self.api_key_file)
            environ.pop("ROISTAT_API_KEY_FILE", None)
        _check_configured(environ)
        return environ

    def limits(self) -> Limits:
        """Return the limits of requests, those of the API unless an option changes them."""
        from .. import Limits

        limits = {
            "per_second": self.per_second,
            "per_hour": self.per_hour,
            "shared_file": self.share_limits,
        }
        present: dict[str, Any] = {
            name: value for name, value in limits.items() if value is not None
        }
        return Limits(**present)

    def client(self) -> Roistat:
        """Return a client, configured by the environment and these options."""
        from .. import Roistat

        environ, limits = self.environ(), self.limits()
        return Roistat.from_env(environ, proxy=self.proxy, trust_env=True, limits=limits)


class PeriodOptions(NamedTuple):
    """Options of time: a period, the last days or a start, and their time zone."""

    period: str | None
    last: str | None
    tz: str
    since: str | None = None

    @property
    def zone(self) -> tzinfo:
        """Time zone of dates without offset."""
        return parse_zone(self.tz)

    def period_or_none(self) -> Period | None:
        """Return the period, or None if no option names one."""
        from .. import Period

        if sum(option is not None for option in (self.period, self.last, self.since)) > 1:
            raise click.UsageError("use only one of --period, --last and --since")
        if self.period is not None:
            return Period.parse(self.period, tz=self.zone)
        if self.since is not None:
            return _period_since(parse_since(self.since, self.zone))
        if self.last is not None:
            return Period.last(hours=parse_length(self.last, "--last") / timedelta(hours=1))
        return None

    def require_period(self) -> Period:
        """Return the period; raise UsageError if no option names one."""
        period = self.period_or_none()
        if period is None:
            raise click.UsageError("add --period 2026-05-01..2026-05-31 or --last 7d")
        return period


def connection_options(command: F) -> F:
    """Add --project, --profile and the options of the address; the command takes a `connection`."""

    @click.option("--project", metavar="N", help="Project, instead of ROISTAT_PROJECT.")
    @_address_options
    @wraps(command)
    def wrapper(project: str | None, address: dict[str, Any], **options: Any) -> Any:
        return command(connection=ConnectionOptions(project, **address), **options)

    return wrapper  # type: ignore[return-value]  # click reads the options, not the signature


def connections_options(command: F) -> F:
    """Add the same with a repeatable --project; the command takes `connection` and `others`."""

    @click.option(
        "--project", "projects", multiple=True, metavar="N",
        help="Project, instead of ROISTAT_PROJECT; may be repeated.",
    )  # fmt: skip
    @_address_options
    @wraps(command)
    def wrapper(projects: tuple[str, ...], address: dict[str, Any], **options: Any) -> Any:
        first, *others = projects or (None,)
        connection = ConnectionOptions(first, **address)
        return command(connection=connection, others=others, **options)

    return wrapper  # type: ignore[return-value]  # see above


def _address_options(command: F) -> F:
    """Add the options of address, key, proxy and limits; the command takes an `address`."""

    @profile_option
    @click.option("--base-url", metavar="URL", help="Address, instead of ROISTAT_BASE_URL.")
    @click.option(
        "--api-key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the key from a file, instead of ROISTAT_API_KEY.",
    )
    @click.option("--proxy", metavar="URL", help="Proxy, instead of HTTPS_PROXY.")
    @click.option(
        "--per-second", type=float, metavar="N", envvar="ROISTAT_PER_SECOND", show_envvar=True,
        help="Requests a second; default: 10.",
    )  # fmt: skip
    @click.option(
        "--per-hour", type=float, metavar="N", envvar="ROISTAT_PER_HOUR", show_envvar=True,
        help="Requests an hour; default: 5000.",
    )  # fmt: skip
    @click.option(
        "--share-limits",
        metavar="FILE",
        envvar="ROISTAT_SHARE_LIMITS",
        show_envvar=True,
        type=click.Path(path_type=Path),
        help="Share these limits with all programs that name the same file.",
    )
    @wraps(command)
    def wrapper(**options: Any) -> Any:
        address = {name: options.pop(name) for name in ConnectionOptions._fields[1:]}
        return command(address=address, **options)

    return wrapper  # type: ignore[return-value]  # see above


def span_options(command: F) -> F:
    """Add --period, --last, --since and --tz; the command takes a `span`."""

    @click.option(
        "--period", metavar="FROM..TO", help="E.g. 2026-05-01..2026-05-31, both days included."
    )
    @click.option("--last", metavar="TIME", help="Time up to now: 7d, 24h, 2w, 30m.")
    @click.option("--since", metavar="DATE", help="From then to now: today, yesterday, 2026-05-01.")
    @tz_option
    @wraps(command)
    def wrapper(**options: Any) -> Any:
        span = PeriodOptions(*(options.pop(name) for name in PeriodOptions._fields))
        return command(span=span, **options)

    return wrapper  # type: ignore[return-value]  # see above


def tz_option(command: F) -> F:
    """Add --tz; the command takes `tz`, a name for `parse_zone`."""
    option = click.option(
        "--tz", metavar="ZONE", envvar="ROISTAT_TZ", default=default_zone,
        help="Time zone of dates, typed and shown: Europe/Moscow, local, utc (default).",
    )  # fmt: skip
    return option(command)


def accept_option(command: F) -> F:
    """Add --accept; the command takes `accept`, a tuple of formats."""
    option = click.option(
        "--accept", multiple=True, metavar="FORMAT", type=click.Choice(get_args(AudioFormat)),
        help="Save wav (ogg, m4a, mp2, amr, flac) too, with that ending; may be repeated.",
    )  # fmt: skip
    return option(command)


def on_bad_record_option(command: F) -> F:
    """Add --on-bad-record; the command takes `on_bad_record`."""
    option = click.option(
        "--on-bad-record", default="raise", show_default=True, type=click.Choice(["raise", "skip"]),
        help="What to do with an unreadable record; skipping one means exit code 3.",
    )  # fmt: skip
    return option(command)


def format_option(command: F) -> F:
    """Add --json/--table; the command takes `json`: None means JSON unless stdout is a terminal."""
    option = click.option(
        "--json/--table", default=None, help="NDJSON or a table; default: a table on a terminal."
    )
    return option(command)


def refuse_options(names: Collection[str], problem: str) -> None:
    """Raise UsageError if the command line has an option that would be ignored.

    The names are those of parameters. A value from the environment is no reason to refuse.
    """
    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in names and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} {problem}")


def parse_names(text: str | None) -> tuple[Any, ...]:  # checked by the library
    """Parse `visit,order`."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def parse_zone(name: str) -> tzinfo:
    """Return the time zone of a name; `local` is that of this machine."""
    try:
        return load_zone(name)
    except ConfigurationError as error:
        problem = str(error)
    raise click.UsageError(problem)


def parse_length(text: str, option: str) -> timedelta:
    """Parse a length of time: `7d`, `24h`, `90s`."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise click.UsageError(f"{option} must be a number and a unit: 7d, 24h, 2w, 30m")
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if length > _MAX_LENGTH:
        raise click.UsageError(f"{option} must be at most 5000w")
    return length


def parse_since(text: str, zone: tzinfo) -> datetime:
    """Parse a day, a date and time, or a length of time before now.

    E.g. `today`, `yesterday`, `2026-05-01`, `2026-05-01T12:00+03:00`, `30d`.
    """
    if text.lower() in _DAYS_AGO:
        day = datetime.now(UTC).astimezone(zone).date() - timedelta(days=_DAYS_AGO[text.lower()])
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    try:
        if _LENGTH.fullmatch(text):
            return datetime.now(UTC) - parse_length(text, "--since")
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None:
        raise click.UsageError(
            "--since must be a day (2026-05-01, today, yesterday), a date and time with an offset, "
            "or 30d"
        )
    return when if when.utcoffset() is not None else when.replace(tzinfo=zone)


def with_profile(environ: Mapping[str, str], profile: Profile | None) -> dict[str, str]:
    """Return the environment with what it lacks from a profile."""
    values = {name: value for name, value in environ.items() if value}
    if profile is None:
        return values
    settings = {"ROISTAT_PROJECT": profile.project, "ROISTAT_BASE_URL": profile.base_url}
    if "ROISTAT_API_KEY_FILE" not in values:
        settings["ROISTAT_API_KEY"] = profile.api_key
        if profile.api_key_file is not None and "ROISTAT_API_KEY" not in values:
            settings["ROISTAT_API_KEY"] = _read_key(profile.api_key_file)
    present = {name: value for name, value in settings.items() if value is not None}
    return present | values


def _warn_outranked(profile: Profile) -> None:
    """Print which settings of a profile the environment replaces."""
    for name, value in (
        ("ROISTAT_API_KEY", profile.api_key or profile.api_key_file),
        ("ROISTAT_PROJECT", profile.project),
        ("ROISTAT_BASE_URL", profile.base_url),
    ):
        if value is not None and os.environ.get(name, value) != value:
            print_error(f"{name} in the environment outranks the profile {profile.name}")


def _check_configured(environ: Mapping[str, str]) -> None:
    has_key = environ.get("ROISTAT_API_KEY") or environ.get("ROISTAT_API_KEY_FILE")
    present = {"ROISTAT_API_KEY": has_key, "ROISTAT_PROJECT": environ.get("ROISTAT_PROJECT")}
    missing = [name for name, value in present.items() if not value]
    if missing:
        roistat = program_path()
        without = f"; without a key: {roistat} demo, or {roistat} fake-server" * (not has_key)
        raise ConfigurationError(
            f"set {' and '.join(missing)} in the environment, or run: {roistat} init{without}"
        )


def _period_since(start: datetime) -> Period:
    from .. import Period

    if start >= (now := datetime.now(UTC)):
        raise click.UsageError("--since must not be in the future")
    return Period(start, now)


def _read_key(path: Path) -> str:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & stat.S_IROTH and os.name == "posix":
            print_error(f"{path} can be read by every user of this machine: chmod 600 {path}")
        return file.read(_MAX_KEY_SIZE).decode("ascii", "replace")
