"""File of one day of a Parquet copy: replaced as a whole, with the columns of Arrow tables.

Version 0.1 wrote visit, order and source as JSON. Such days are converted when the copy is opened,
the newest first: as long as the oldest one is not converted, the conversion goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SyncError
from ..extras import import_extra
from ..models.calls import Call
from ..wire import codec
from .data_folder import DataFolder
from .target import WriteCounts

if TYPE_CHECKING:
    import pyarrow as pa

_JSON = ("static_source", "visit", "order", "tags", "extra")


def check_libraries() -> None:
    """Raise ConfigurationError if pyarrow is missing."""
    _parquet()


def replace_day(folder: DataFolder, name: str, calls: Mapping[str, Call]) -> WriteCounts:
    """Write the calls of a day, by their ids, unless the file has the same rows already."""
    ordered = sorted(calls.values(), key=lambda call: (call.date, call.id))
    table = _to_table(ordered)
    day = _read_day(folder, name)
    if day is None:
        _write(folder, name, table)
        return WriteCounts(len(calls), 0)
    if day.equals(table):
        return WriteCounts()
    stored, new = _rows(day), _rows(table)
    if stored != new:  # NaN, or the columns of an older version, may be all that differs
        _write(folder, name, table)
    changed = sum(call_id in stored and stored[call_id] != row for call_id, row in new.items())
    return WriteCounts(len(new.keys() - stored.keys()), changed)


def convert_days(folder: DataFolder, project: str) -> None:
    """Convert the days of a project that an older version wrote.

    A file that cannot be read is passed over: it matters only when its day is written.
    """
    days = sorted(name for name in folder.names(project) if name.startswith("day="))
    names = [f"{project}/{day}/calls.parquet" for day in days]
    tables = (table for name in names if (table := _try_read(folder, name)) is not None)
    oldest = next(tables, None)
    if oldest is not None and _is_old(oldest):
        for name in reversed(names):
            table = _try_read(folder, name)
            if table is not None and _is_old(table):
                _write(folder, name, _convert(table))


def _read_day(folder: DataFolder, name: str) -> pa.Table | None:
    table = _read_file(folder, name)
    return _convert(table) if table is not None and _is_old(table) else table


def _try_read(folder: DataFolder, name: str) -> pa.Table | None:
    try:
        return _read_file(folder, name)
    except SyncError:
        return None


def _read_file(folder: DataFolder, name: str) -> pa.Table | None:
    parquet = _parquet()
    import pyarrow

    data = folder.read(name)
    if data is None:
        return None
    try:
        with parquet.ParquetFile(pyarrow.BufferReader(data)) as file:
            return file.read()
    except pyarrow.ArrowException:
        path = folder.path_of(name)
        raise SyncError(f"{path} is not a Parquet file; move it away, and sync again") from None


def _write(folder: DataFolder, name: str, table: pa.Table) -> None:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    _parquet().write_table(table, sink)
    folder.write(name, memoryview(sink.getvalue()))


def _rows(table: pa.Table) -> dict[str, tuple[Any, ...]]:
    """Return the rows of a table by the id of the call; times are integers."""
    import pyarrow

    schema = _to_table([]).schema
    columns = []
    for field in schema:
        if field.name not in table.column_names:  # a version before that of this column wrote it
            columns.append([None] * table.num_rows)
            continue
        is_time = pyarrow.types.is_timestamp(field.type)  # Python has no dates before the year 1
        column = table[field.name]
        columns.append((column.cast(pyarrow.int64()) if is_time else column).to_pylist())
    ids = columns[schema.get_field_index("id")]
    return dict(zip(ids, zip(*columns, strict=True), strict=True))


def _is_old(table: pa.Table) -> bool:
    return "visit" in table.column_names


def _convert(table: pa.Table) -> pa.Table:
    return _to_table([_stored_call(row) for row in table.to_pylist()])


def _stored_call(row: Mapping[str, Any]) -> Call:
    """Return the call that a row of version 0.1 holds."""
    values = {name: json.loads(row[name]) if row.get(name) else None for name in _JSON}
    values = {**row, **values, "date": row["date"].isoformat()}
    extra = values.pop("extra") or {}
    known = {name: value for name, value in values.items() if value is not None}
    return codec.structure({**extra, **known}, Call)


def _to_table(calls: list[Call]) -> pa.Table:
    from ..integrations.arrow import calls_to_table

    return calls_to_table(calls)


def _parquet() -> Any:
    import_extra("pyarrow", extra="arrow")
    try:
        return import_extra("pyarrow.parquet", extra="arrow")
    except ImportError:  # a build of pyarrow without Parquet
        pass
    raise ConfigurationError(
        "this pyarrow cannot write Parquet: pip install --force-reinstall pyarrow"
    )
