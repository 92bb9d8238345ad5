"""Databases that hold a copy: SQLite and PostgreSQL, queried in the same way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from roistat_async.sync import PostgresTarget, SqliteTarget, postgres_connection
from roistat_async.sync.postgres_address import is_postgres, parse_address
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sql_target import SqlTarget

Location = str | Path
"""Path of a SQLite database, or URL of a PostgreSQL database."""
KINDS = ["sqlite", "postgres"]
each_database = pytest.mark.parametrize("run_database", KINDS, indirect=True)


def location(request: pytest.FixtureRequest, kind: str, folder: Path) -> Location:
    """Return where a copy of a kind may be written; there is none yet."""
    if kind == "postgres":
        return str(request.getfixturevalue("postgres_schema_url"))
    return folder / "calls.db"


@contextmanager
def connected(copy: Location) -> Iterator[SqlConnection]:
    """Open a connection of its own; dates and JSON are text."""
    opened: Any
    if is_postgres(copy):
        opened = postgres_connection.connect(parse_address(copy))
    else:
        opened = sqlite3.connect(copy, isolation_level=None)
    with closing(opened):
        yield opened


def query(copy: Location, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Execute a statement over a connection of its own; return its rows."""
    with connected(copy) as connection:
        cursor: Any = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def select(connection: SqlConnection, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a statement by the names of their columns."""
    cursor: Any = connection.execute(statement, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def stored_ids(copy: Location) -> set[str]:
    """Return the ids of the calls of any copy that are not marked as deleted."""
    path = Path(copy)
    if path.suffix == ".ndjson":
        return {json.loads(line)["id"] for line in path.read_text().splitlines()}
    if path.suffix == ".parquet":
        dataset = pytest.importorskip("pyarrow.dataset")
        return set(dataset.dataset(path, partitioning="hive").to_table()["id"].to_pylist())
    return {row[0] for row in query(copy, "SELECT id FROM calls WHERE deleted_at IS NULL")}


@frozen
class Database:
    """A copy in a database, with targets and queries."""

    location: Location

    @property
    def is_postgres(self) -> bool:
        return is_postgres(self.location)

    def target(self, **options: Any) -> SqlTarget:
        if self.is_postgres:
            return PostgresTarget(str(self.location), **options)
        return SqliteTarget(self.location, **options)

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Execute a statement over a connection of its own; return its rows."""
        return query(self.location, statement, **parameters)

    def ids(self) -> list[str]:
        """Return the ids of the stored calls by date."""
        return [call_id for (call_id,) in self.query("SELECT id FROM calls ORDER BY date")]

    def dump(self) -> list[tuple[Any, ...]]:
        """Return the whole table of calls, with what shows that a row was written again."""
        version = "CAST(xmin AS TEXT)" if self.is_postgres else "rowid"
        return self.query(f"SELECT {version}, * FROM calls ORDER BY project, id")

    def add_call(self, call_id: str, date: datetime | str, **values: Any) -> None:
        """Insert a call, answered and of project 1 unless told otherwise."""
        with connected(self.location) as connection:
            insert_call(connection, call_id, date, **values)


def insert_call(
    connection: SqlConnection, call_id: str, date: datetime | str, **values: Any
) -> None:
    """Insert a call, answered and of project 1 unless told otherwise."""
    row = {"project": 1, "id": call_id, "status": "ANSWER", "date": str(date), **values}
    row |= dict.fromkeys(("first_seen_at", "changed_at"), "2026-05-01T12:00:00Z")
    if isinstance(connection, sqlite3.Connection):
        row["content_hash"] = b"1"
    names = ", ".join(f'"{name}"' for name in row)
    parameters = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO calls ({names}) VALUES ({parameters})", row)
