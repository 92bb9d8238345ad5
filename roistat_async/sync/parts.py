"""Plan of a sync of many projects: one part for each project, which any engine may run.

Request limits are those of a project, so a project is never split over processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from ..client import Roistat
from ..config import Limits, parse_project, validate_base_url
from ..downloads.path_template import DEFAULT_TEMPLATE, PathTemplate
from ..errors import ConfigurationError
from ..models.period import Period
from ..tracebacks import hides_arguments
from ..validation import OnBadRecord
from ..wire.list_query import CallExtension
from .calls_options import CallsOptions
from .parquet import ParquetTarget
from .postgres import PostgresTarget
from .postgres_address import is_postgres, parse_address
from .sql_target import SqlTarget
from .target_factory import open_target

_SECRETS = {"password", "sslpassword", "passcode"}


@frozen(kw_only=True)
class Part:
    """Sync of one project: what to read, and where to write it.

    It holds no key and can be pickled. `plan` makes the parts, `run_part` runs one in any process.

    Attributes:
        project: number of the project.
        to: path or URL of the copy of this project.
        options: the options of `sync_calls`.
        base_url: address of the API; None for that of the worker's environment.
        limits: limits of the project's requests; None for those of the API.
        recordings: folder or URL of the recordings; None to leave them out.
        template: path of a recording in that folder.
        wait_for_lock: how long to wait while another run writes the same project.
    """

    project: int
    to: str
    options: CallsOptions = field(factory=CallsOptions)
    base_url: str | None = None
    limits: Limits | None = None
    recordings: str | None = None
    template: str = DEFAULT_TEMPLATE
    wait_for_lock: timedelta = timedelta(minutes=2)


@hides_arguments
def plan(
    projects: Iterable[int | str],
    period: Period | None = None,
    *,
    to: str | os.PathLike[str],
    since: datetime | None = None,
    extend: Sequence[CallExtension] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
    reread: Period | None = None,
    page_size: int = 1000,
    concurrency: int = 4,
    on_bad_record: OnBadRecord = "skip",
    retry_for: timedelta = timedelta(minutes=15),
    base_url: str | None = None,
    limits: Limits | None = None,
    recordings: str | os.PathLike[str] | None = None,
    template: str | None = None,
    wait_for_lock: timedelta = timedelta(minutes=2),
) -> list[Part]:
    """Return one part for each project, in order and without duplicates; nothing is opened.

        parts = plan([123, 678], to="postgresql://user@host/database", since=start)
        reports = [run_part(part) for part in parts]  # or Client.map(run_part, parts) of Dask

    Arguments:
        projects: numbers of the projects.
        period: copy the calls of this period, with the `since` and `until` of `sync_calls`. Without
            it a part copies all calls from `since` up to now.
        to: the copy. Several processes can write to the same PostgreSQL database or folder of
            Parquet files (`calls.parquet`). Any other copy needs {project} in its path, which
            stands for the number: `calls-{project}.db`. A relative path is that of this process.
        base_url: address of the API; default: that of the environment of each worker.
        limits: limits of the requests of each project; default: those of the API.
        recordings: folder of the recordings; the copy must be a database.
        template: path of a recording in that folder; default: below the number of its project.
        wait_for_lock: how long a part waits while another run writes its project. The run of a
            killed worker may last until its database notices.

    The other arguments are those of `sync_calls`. A part whose run was interrupted resumes, so run
    it again as it is.

    A part holds no API key: `run_part` reads it from the environment of its process. It holds no
    password of a database either: set PGPASSWORD, PGPASSFILE or ~/.pgpass there.

    Raises ConfigurationError if an argument is invalid.
    """
    if sum(value is not None for value in (period, since, reread)) > 1:
        raise ConfigurationError("give one of period, since and reread: each says what to read")
    options = CallsOptions(
        since=since if period is None else period.start,
        until=None if period is None else period.end,
        extend=tuple(extend),
        lookback=lookback,
        reread=reread,
        page_size=page_size,
        concurrency=concurrency,
        on_bad_record=on_bad_record,
        retry_for=retry_for,
    )
    return plan_with_options(
        projects,
        options,
        to=to,
        base_url=base_url,
        limits=limits,
        recordings=recordings,
        template=template,
        wait_for_lock=wait_for_lock,
    )


def plan_with_options(
    projects: Iterable[int | str],
    options: CallsOptions,
    *,
    to: str | os.PathLike[str],
    base_url: str | None = None,
    limits: Limits | None = None,
    recordings: str | os.PathLike[str] | None = None,
    template: str | None = None,
    wait_for_lock: timedelta = timedelta(minutes=2),
) -> list[Part]:
    """Return one part for each project, as `plan` does."""
    numbers = list(dict.fromkeys(parse_project(project) for project in projects))
    target = _absolute(to)
    if len(numbers) > 1 and "{project}" not in target and not _is_shareable(target):
        raise ConfigurationError(
            "several processes cannot write to one file: put {project} into its name, as in "
            "calls-{project}.db, or name a PostgreSQL database or a folder of Parquet files"
        )
    common = Part(
        project=0,
        to=target,
        options=options,
        base_url=None if base_url is None else validate_base_url(base_url),
        limits=limits,
        recordings=None if recordings is None else _absolute(recordings),
        template=f"{{project}}/{DEFAULT_TEMPLATE}" if template is None else template,
        wait_for_lock=wait_for_lock,
    )
    parts = [
        evolve(common, project=project, to=target.replace("{project}", str(project)))
        for project in numbers
    ]
    for part in parts[:1]:  # the others differ in their numbers only
        _check(part)
    return parts


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return a path that other processes can use; a URL is returned as it is."""
    name = os.fspath(path)
    if is_postgres(name):
        if _SECRETS & parse_address(name).parameters.keys():
            raise ConfigurationError(
                "leave the password out of the URL, as engines log their tasks: set PGPASSWORD or "
                "PGPASSFILE on each worker, or use ~/.pgpass"
            )
        return name
    if "://" in name or name == "-":
        return name
    folder_ending = os.sep if name.endswith(os.sep) else ""
    return os.path.abspath(name) + folder_ending


def _is_shareable(target: str) -> bool:
    return isinstance(open_target(target), PostgresTarget | ParquetTarget)


def _check(part: Part) -> None:
    """Raise ConfigurationError for a part that could not run."""
    options = part.options
    target = open_target(part.to, extend=options.extend, lookback=options.lookback)
    if part.to == "-":
        raise ConfigurationError("a part cannot write to stdout: name a file or a database")
    PathTemplate(part.template, part.project)
    # Any key will do: nothing is sent.
    Roistat("0" * 32, part.project, limits=part.limits).calls.history(
        Period.last(hours=1),
        extend=options.extend,
        page_size=options.page_size,
        concurrency=options.concurrency,
        on_bad_record=options.on_bad_record,
    )
    for name, value in (("recordings", part.recordings), ("reread", options.reread)):
        if value is not None and not isinstance(target, SqlTarget):
            raise ConfigurationError(
                f"{name} needs a database: name one, e.g. calls-{{project}}.db"
            )
