"""Report of a sync: a line of JSON for each project, or a few lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import ConfigurationError, RoistatError
from ..models.plain import to_plain
from . import exit_codes
from .output import describe_bad_record
from .terminal import print_lines
from .text import escape_control_json, format_size, print_error
from .zones import format_datetime, zone_label

if TYPE_CHECKING:
    from ..sync import RecordingsReport, SyncReport

_INDENT = " " * 8


class ProjectResult(NamedTuple):
    """Result of one project: its reports, and the error that ended it."""

    project: int
    calls: SyncReport | None = None
    recordings: RecordingsReport | None = None
    error: RoistatError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything was done."""
        skipped = self.calls is None or self.calls.bad_records
        failed = self.recordings is not None and self.recordings.failed
        return not (self.error or skipped or failed)


def code_of(results: Sequence[ProjectResult]) -> int:
    """Return the exit code of a run; an error that all projects share has its own code."""
    if all(result.is_complete for result in results):
        return exit_codes.DONE
    if any(result.calls is not None for result in results):
        return exit_codes.PARTIAL
    codes = {exit_codes.exit_code_for(result.error) for result in results if result.error}
    return (codes.pop() if len(codes) == 1 else None) or exit_codes.FAILED


def print_report(
    results: Sequence[ProjectResult], zone: tzinfo, *, as_json: bool, to_stderr: bool
) -> None:
    """Print errors on stderr and the summary on stdout (on stderr if calls go to stdout)."""
    _print_errors(results)
    if code_of(results) == exit_codes.USAGE:
        return
    for result in results:
        if as_json:
            line = json.dumps(_fields(result), ensure_ascii=False)
            click.echo(escape_control_json(line), err=to_stderr)
        elif result.calls is not None:
            print_lines(_lines(result.calls, result.recordings, zone), to_stderr=to_stderr)


def _fields(result: ProjectResult) -> dict[str, Any]:
    fields: dict[str, Any] = {"project": result.project}
    if result.calls is not None:
        fields |= to_plain(result.calls)
    if result.recordings is not None:
        fields["recordings"] = to_plain(result.recordings)
        fields["recordings"]["failures"] = [
            {"call_id": result.call_id, "error": str(result.error)}
            for result in result.recordings.failures
        ]
    if result.error is not None:
        fields["error"] = {"type": type(result.error).__name__, "message": str(result.error)}
    return fields


def _lines(calls: SyncReport, saved: RecordingsReport | None, zone: tzinfo) -> Iterator[str]:
    parts = [f"{calls.added:,} added", f"{calls.changed:,} changed"]
    if calls.deleted:
        parts.append(f"{calls.deleted:,} marked as deleted")
    if calls.bad_records:
        parts.append(f"{calls.bad_records:,} unreadable, to be read again")
    yield f"Project {calls.project}: {', '.join(parts)}"
    yield (
        f"{_INDENT}{calls.calls:,} calls read in {calls.requests:,} requests, {calls.seconds:.1f} s"
    )
    yield f"{_INDENT}complete up to {format_datetime(calls.sealed_until, zone)} {zone_label(zone)}"
    if calls.odd_values:
        fields = ", ".join(f"{name} ({count:,})" for name, count in calls.odd_values.items())
        yield f"{_INDENT}values of an unexpected kind, kept in extra: {fields}"
    if calls.future_watermark is not None:
        wrong = format_datetime(calls.future_watermark, zone)
        yield f"{_INDENT}the copy was marked as complete up to {wrong}, in the future: corrected"
    yield from (f"{_INDENT}{describe_bad_record(bad, zone)}" for bad in calls.unreadable)
    if saved is not None:
        yield f"{_INDENT}recordings: {format_recordings(saved)}, {saved.seconds:.1f} s"
        yield from (f"{_INDENT}  {result.call_id}: {result.error}" for result in saved.failures)


def format_recordings(saved: RecordingsReport) -> str:
    """Return the results of recordings as one line."""
    parts = [f"{saved.saved:,} saved ({format_size(saved.size)})"]
    if saved.adopted:
        parts.append(f"{saved.adopted:,} already there")
    parts += [f"{saved.waiting:,} not there yet", f"{saved.failed:,} failed"]
    if saved.given_up:
        parts.append(f"{saved.given_up:,} given up")
    return ", ".join(parts)


def _print_errors(results: Sequence[ProjectResult]) -> None:
    failed = {
        result.project: _error_lines(result.error) for result in results if result.error is not None
    }
    messages = list(failed.values())
    if len(failed) == len(results) and all(lines == messages[0] for lines in messages):
        print_error(*messages[0])
        return
    for project, (first, *advice) in failed.items():
        print_error(f"project {project}: {first}", *advice)


def _error_lines(error: RoistatError) -> list[str]:
    lines = exit_codes.error_lines(error)
    if isinstance(error, ConfigurationError) and "since" in str(error):
        lines.append("Give --since 2026-05-01, or --since 30d")
    return lines
