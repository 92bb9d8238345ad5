"""Output of data on stdout as NDJSON, and of records as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Any

from ..models.omitted import OMITTED
from .text import escape_control_json
from .zones import format_datetime

if TYPE_CHECKING:
    from rich.console import Console

    from ..sync import NotedRecord

_KNOWN: dict[type, tuple[str, ...] | None] = {}


def wants_json(chosen: bool | None) -> bool:
    """Whether rows are written as JSON: as chosen, by default unless stdout is a terminal."""
    return not sys.stdout.isatty() if chosen is None else chosen


def write_json(rows: Iterable[object]) -> None:
    """Write each row as a line of JSON, in UTF-8, and flush."""
    lines = [escape_control_json(json.dumps(to_plain(row), ensure_ascii=False)) for row in rows]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.flush()


def to_plain(value: object) -> Any:
    """Convert a model to JSON types: keys are the attributes, dates are ISO 8601 text."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    names = _attributes(type(value))
    return str(value) if names is None else _fields(value, names)


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


def _fields(model: object, names: Sequence[str]) -> dict[str, Any]:
    fields = {name: getattr(model, name) for name in names}
    if not fields.get("extra", True):
        del fields["extra"]
    return {name: to_plain(value) for name, value in fields.items() if value is not OMITTED}


def _attributes(kind: type) -> tuple[str, ...] | None:
    if kind not in _KNOWN:
        attributes = getattr(kind, "__attrs_attrs__", None)
        names = None if attributes is None else tuple(attribute.name for attribute in attributes)
        _KNOWN[kind] = names
    return _KNOWN[kind]
