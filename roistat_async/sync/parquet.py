"""Calls as Parquet: a file for each project and day of UTC, laid out for DuckDB and pyarrow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import define, field
from msgspec.structs import replace

from ..errors import SyncError
from ..models.calls import Call, CallStatus
from . import state_file
from .call_rows import COLUMNS, to_row
from .file_target import FileStore, FileTarget
from .state_file import ProjectState
from .target import MAX_ACTIVE_AGE, SyncState, WriteCounts

_NUMBERS = frozenset(("duration", "waiting_time", "answer_duration"))
_ID, _DATE = COLUMNS.index("id"), COLUMNS.index("date")

_Row = tuple[Any, ...]
_Rows = dict[str, _Row]
"""The rows of a day by the id of the call; a row is as in a database, its date a datetime."""


class ParquetTarget(FileTarget):
    """Write `folder/project=123/day=2026-05-01/calls.parquet`, each day as a whole.

    A day that is read again gets a new file, if anything in it changed. A day whose calls are all
    gone keeps its file: to a target it looks like a day that was not read. Of each project, one
    day is in memory. `folder/_state.json` says how far the copy got; it moves when a day is over,
    after its file.
    """

    whole_days = True

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(Path(folder))

    def _open_store(self, base_url: str) -> FileStore:
        _pyarrow()  # missing: said before anything is made
        return _Days(self._path, base_url)


@define
class _Held:
    """The day of a project that is not over yet."""

    place: ProjectState
    """Where the project is, with the days that were published; on disk once `state` may be."""
    day: date | None = None
    calls: dict[str, Call] = field(factory=dict)


class _Days(FileStore):
    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._held: dict[int, _Held] = {}
        marks = folder / "_state.json"  # readers of data sets pass over a _
        super().__init__(marks, marks, base_url)

    def begin(self, project: int, base_url: str) -> SyncState:
        """Take a project, with nothing held back."""
        state = super().begin(project, base_url)
        self._held[project] = _Held(self.place(project))
        return state

    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Publish the days that are over, and hold the last one back.

        The state is that of the beginning of the last day: it holds once those before are there.
        """
        held = self._held[project]
        first, written = held.day, WriteCounts()
        for day, group in groupby(calls, key=_day):
            if day != held.day:
                written += self._publish(project)
                held.day = day
            held.calls.update((call.id, call) for call in group)
        if held.day != first:
            self._keep(project, held.place.moved(state))
        return written

    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Publish what is held back, then keep the state of a run that ended."""
        written = self._publish(project)
        self._keep(project, self._held[project].place.moved(state).pruned(MAX_ACTIVE_AGE))
        return written

    def _publish(self, project: int) -> WriteCounts:
        held = self._held[project]
        if held.day is None:
            return WriteCounts()
        path = self._folder / f"project={project}" / f"day={held.day}" / "calls.parquet"
        written = _replace_day(path, {name: _row(call) for name, call in held.calls.items()})
        held.place = replace(held.place, active=_active(held))
        held.day, held.calls = None, {}
        return written

    def _keep(self, project: int, place: ProjectState) -> None:
        if place != self.place(project):
            self._save(self.bookmark.moved(project, place))
        self._held[project].place = place

    def _is_new(self) -> bool:
        return all(name[0] in "._" for name in os.listdir(self._folder))

    def _open_files(self, undo: ExitStack) -> None:
        """Open nothing; what a killed run left half done is read and written again."""


def _day(call: Call) -> date:
    return call.date.astimezone(UTC).date()


def _row(call: Call) -> _Row:
    row = to_row(call)
    return (*row[:_DATE], call.date, *row[_DATE + 1 :])


def _active(held: _Held) -> dict[str, datetime]:
    """Give the ACTIVE calls, those of the day as they are now."""
    others = {
        name: moment
        for name, moment in held.place.active.items()
        if name not in held.calls and moment.astimezone(UTC).date() != held.day
    }
    return others | {
        name: call.date for name, call in held.calls.items() if call.status == CallStatus.ACTIVE
    }


def _replace_day(path: Path, rows: _Rows) -> WriteCounts:
    """Write the file of a day, unless it holds the very same."""
    before = _read_day(path)
    if rows != before:
        state_file.replace_file(path, _encoded(rows))
    changed = sum(name in before and before[name] != row for name, row in rows.items())
    return WriteCounts(len(rows.keys() - before.keys()), changed)


def _read_day(path: Path) -> _Rows:
    pa, parquet = _pyarrow()
    state_file.ensure_regular_file(path)
    if not path.exists():
        return {}
    try:
        with state_file.disk_errors(path), parquet.ParquetFile(path) as file:
            table = file.read()
    except pa.ArrowException:
        raise SyncError(f"{path} is no Parquet file: move it away, and sync again") from None
    known = set(table.column_names)
    empty = [None] * table.num_rows  # a column that an older version did not have
    columns = [table[name].to_pylist() if name in known else empty for name in COLUMNS]
    return {row[_ID]: row for row in zip(*columns, strict=True)}


def _encoded(rows: Mapping[str, _Row]) -> memoryview:
    pa, parquet = _pyarrow()
    ordered = sorted(rows.values(), key=lambda row: (row[_DATE], row[_ID]))
    schema = pa.schema([(name, _kind(pa, name)) for name in COLUMNS])
    columns = [
        pa.array(column, kind.type)
        for column, kind in zip(zip(*ordered, strict=True), schema, strict=True)
    ]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_arrays(columns, schema=schema), sink)
    return memoryview(sink.getvalue())


def _kind(pa: Any, name: str) -> Any:
    """Say it outright: of a day without any order, a guess would be another type."""
    if name == "date":
        return pa.timestamp("us", "UTC")
    return pa.int64() if name in _NUMBERS else pa.string()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SyncError("Parquet needs pyarrow: pip install 'roistat_async[parquet]'") from None
    return pyarrow, pyarrow.parquet
