"""`roistat sync --dask`: the projects on the workers of Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta, tzinfo

import click
from attrs import evolve

from ..integrations.dask import DaskProgress, sync_on_dask
from ..sync import PartReport
from ..sync.parts import plan_with_options
from .options import ConnectionOptions, refuse_options
from .progress import should_show_progress
from .sync_options import SyncOptions
from .sync_report import ProjectResult, code_of, print_report
from .text import print_error

_KEY_VARIABLES = ("ROISTAT_API_KEY", "ROISTAT_API_KEY_FILE")
_LONG_WAIT = timedelta(days=1)
_MAX_LISTED = 20
_DEFAULT_WAIT_FOR = timedelta(hours=72)


def sync_on_workers(
    scheduler: str,
    options: SyncOptions,
    connection: ConnectionOptions,
    others: Sequence[str],
    zone: tzinfo,
    *,
    as_json: bool,
) -> int:
    """Copy the projects, print a report for each, and return the exit code."""
    is_local = scheduler.partition(":")[0] == "local"
    _check(options, connection, is_local=is_local)
    environ = _environ(connection, is_local=is_local)
    parts = plan_with_options(
        list(filter(None, [connection.project or environ.get("ROISTAT_PROJECT"), *others])),
        options.calls,
        to=options.to,
        base_url=environ.get("ROISTAT_BASE_URL"),
        limits=connection.limits(),
        recordings=options.folder,
        template=options.template,
    )
    if options.wait:
        parts = [evolve(part, wait_for_lock=_LONG_WAIT) for part in parts]
    with _progress_line() as progress:
        reports = sync_on_dask(parts, scheduler, progress=progress)
    results = [
        ProjectResult(report.project, report.calls, report.recordings, report.error)
        for report in reports
    ]
    print_report(results, zone, as_json=as_json, to_stderr=False)
    _print_failed(reports)
    return code_of(results)


def _environ(connection: ConnectionOptions, *, is_local: bool) -> dict[str, str]:
    """Return the settings; local workers inherit the key from the environment of this process."""
    if not is_local:  # the key is in the environment of the workers
        return {**os.environ, **_named(ROISTAT_BASE_URL=connection.base_url)}
    environ = connection.environ()
    for name in _KEY_VARIABLES:
        os.environ.pop(name, None)
        if name in environ:
            os.environ[name] = environ[name]
    return environ


def _named(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _check(options: SyncOptions, connection: ConnectionOptions, *, is_local: bool) -> None:
    """Raise UsageError for options that do not reach the workers."""
    for is_wrong, problem in (
        (
            options.pause is not None,
            "--watch does not go with --dask; run it by cron or a timer",
        ),
        (
            connection.api_key_file is not None and not is_local,
            "--api-key-file stays on this machine: set ROISTAT_API_KEY_FILE on each worker",
        ),
        (
            connection.proxy is not None,
            "--proxy does not reach the workers: set HTTPS_PROXY in their environment",
        ),
        (
            options.is_full and options.period is None,
            "--full on Dask needs --period FROM..TO",
        ),
        (
            bool(options.accept or options.retry_given_up or options.wait_for != _DEFAULT_WAIT_FOR),
            "--accept, --retry-given-up and --wait-for do not go with --dask",
        ),
    ):
        if is_wrong:
            raise click.UsageError(problem)
    if options.folder is not None:
        refuse_options({"tz"}, "does not reach the workers: paths of recordings have dates in UTC")


@contextmanager
def _progress_line() -> Iterator[Callable[[DaskProgress], object] | None]:
    """Show a line of progress on a terminal while the block runs."""
    if not should_show_progress(stdout_is_free=True):
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as line:
        yield lambda progress: line.update(_describe(progress))


def _describe(progress: DaskProgress) -> str:
    text = f"{progress.done:,} of {progress.projects:,} projects, {progress.calls:,} calls"
    if progress.failed:
        text += f", {progress.failed:,} failed"
    if progress.slow:
        slow = ", ".join(f"{project} ({seconds:,.0f} s)" for project, seconds in progress.slow)
        text += f"; running longest: {slow}"
    return text


def _print_failed(reports: Sequence[PartReport]) -> None:
    failed = [report.project for report in reports if report.status != "ok"]
    if failed:
        listed = " ".join(f"--project {project}" for project in failed[:_MAX_LISTED])
        more = f" and {len(failed) - _MAX_LISTED} more" if len(failed) > _MAX_LISTED else ""
        print_error(
            f"{len(failed):,} of {len(reports):,} projects failed",
            f"To run these alone: {listed}{more}",
        )
