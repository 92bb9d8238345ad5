"""Output of data on stdout as NDJSON, and of records as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING

from ..models.plain import to_plain
from .text import escape_control_json
from .zones import format_datetime

if TYPE_CHECKING:
    from rich.console import Console

    from ..sync import NotedRecord


def wants_json(chosen: bool | None) -> bool:
    """Whether rows are written as JSON: as chosen, by default unless stdout is a terminal."""
    return not sys.stdout.isatty() if chosen is None else chosen


def write_json(rows: Iterable[object]) -> None:
    """Write each row as a line of JSON, in UTF-8, and flush."""
    lines = [escape_control_json(json.dumps(to_plain(row), ensure_ascii=False)) for row in rows]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.flush()


def make_console() -> Console:
    """Return a console on stdout that treats no text as markup."""
    from rich.console import Console

    class PipeConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the program with 1

    return PipeConsole(markup=False, highlight=False, emoji=False)


def describe_bad_record(record: NotedRecord, zone: tzinfo) -> str:
    """Describe a call that could not be read, as far as it is known."""
    name = f"call {record.call_id}" if record.call_id else "a call"
    if record.date is not None:
        when = f"of {format_datetime(record.date, zone)}"
    else:
        first, last = format_datetime(record.start, zone), format_datetime(record.end, zone)
        when = f"between {first} and {last}"
    return f"{name} {when}: {record.problem} at {record.path or 'its top'}"
