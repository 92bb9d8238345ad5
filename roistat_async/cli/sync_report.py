"""What a sync says at its end: a line of JSON for each project, or a few lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import ConfigurationError, RoistatError
from . import exit_codes
from .output import format_moment, to_plain
from .text import (
    escape_control,
    escape_control_json,
    format_size,
    print_error,
)

if TYPE_CHECKING:
    from ..sync import RecordingsReport, SyncReport

_INDENT = " " * 8


class ProjectResult(NamedTuple):
    """Be what became of one project; `error` ended it, what stands beside it was done before."""

    project: int
    calls: SyncReport | None = None
    recordings: RecordingsReport | None = None
    error: RoistatError | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether everything was done."""
        left_out = self.calls is None or self.calls.bad_records
        failed = self.recordings is not None and self.recordings.failed
        return not (self.error or left_out or failed)


def code_of(outcomes: Sequence[ProjectResult]) -> int:
    """Give the exit code of a run; what all projects met in the same way has its own."""
    if all(one.is_whole for one in outcomes):
        return exit_codes.DONE
    if any(one.calls is not None for one in outcomes):
        return exit_codes.PARTIAL
    codes = {exit_codes.exit_code_for(one.error) for one in outcomes if one.error}
    return (codes.pop() if len(codes) == 1 else None) or exit_codes.FAILED


def print_report(
    outcomes: Sequence[ProjectResult], zone: tzinfo, *, as_json: bool, to_stderr: bool
) -> None:
    """Tell the errors on stderr and sum up on stdout (on stderr where calls go there)."""
    _tell_errors(outcomes)
    if code_of(outcomes) == exit_codes.USAGE:
        return
    for outcome in outcomes:
        if as_json:
            line = json.dumps(_fields(outcome), ensure_ascii=False)
            click.echo(escape_control_json(line), err=to_stderr)
        elif outcome.calls is not None:
            for line in _lines(outcome.calls, outcome.recordings, zone):
                click.echo(escape_control(line), err=to_stderr)


def _fields(outcome: ProjectResult) -> dict[str, Any]:
    fields: dict[str, Any] = {"project": outcome.project}
    if outcome.calls is not None:
        fields |= to_plain(outcome.calls)
    if outcome.recordings is not None:
        fields["recordings"] = to_plain(outcome.recordings)
        fields["recordings"]["failures"] = [
            {"call_id": one.call_id, "error": str(one.error)} for one in outcome.recordings.failures
        ]
    if outcome.error is not None:
        fields["error"] = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
    return fields


def _lines(calls: SyncReport, saved: RecordingsReport | None, zone: tzinfo) -> Iterator[str]:
    told = [f"{calls.added:,} added", f"{calls.changed:,} changed"]
    if calls.deleted:
        told.append(f"{calls.deleted:,} marked as deleted")
    if calls.bad_records:
        told.append(f"{calls.bad_records:,} left out that could not be read")
    yield f"Project {calls.project}: {', '.join(told)}"
    yield (
        f"{_INDENT}{calls.calls:,} calls read in {calls.requests:,} requests, {calls.seconds:.1f} s"
    )
    yield f"{_INDENT}complete up to {format_moment(calls.sealed_until, zone)} {zone}"
    if saved is not None:
        yield f"{_INDENT}recordings: {format_recordings(saved)}, {saved.seconds:.1f} s"
        yield from (f"{_INDENT}  {one.call_id}: {one.error}" for one in saved.failures)


def format_recordings(saved: RecordingsReport) -> str:
    """Tell in a line what became of recordings."""
    told = [f"{saved.saved:,} saved ({format_size(saved.size)})"]
    if saved.adopted:
        told.append(f"{saved.adopted:,} there already")
    told += [f"{saved.waiting:,} not there yet", f"{saved.failed:,} failed"]
    if saved.given_up:
        told.append(f"{saved.given_up:,} given up")
    return ", ".join(told)


def _tell_errors(outcomes: Sequence[ProjectResult]) -> None:
    failed = {one.project: _error_lines(one.error) for one in outcomes if one.error is not None}
    whole = list(failed.values())
    if len(failed) == len(outcomes) and all(lines == whole[0] for lines in whole):
        print_error(*whole[0])
        return
    for project, (first, *rest) in failed.items():
        print_error(f"project {project}: {first}", *rest)


def _error_lines(error: RoistatError) -> list[str]:
    lines = exit_codes.error_lines(error)
    if isinstance(error, ConfigurationError) and "since" in str(error):
        lines.append("Give --since 2026-05-01, or --since 30d")
    return lines
