"""Tables of a SQLite copy, and the migration of older copies."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

from ..errors import SyncError
from .sql import transaction
from .tables import Dialect, Step, steps

APPLICATION_ID = 0x526F6953  # "RoiS"; `file calls.db` shows it
BEGIN = "BEGIN IMMEDIATE"
"""Statement that begins a transaction: it locks out other writers before it reads."""


class SqliteDialect(Dialect):
    """Types and expressions of SQLite: dates and JSON are text."""

    integer = "INTEGER"
    date = "TEXT"
    json = "TEXT"
    content_hash = "\n    content_hash BLOB NOT NULL,"
    minute = "substr(date, 1, 16)"

    def replace_view(self, name: str, query: str) -> Step:
        """Return the statements that create a view, or add columns at the end of an older one."""
        return (f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS {query}")

    def text(self, column: str, *path: str) -> str:
        """Return the expression of a text inside a JSON column, NULL if it is missing."""
        return f"json_extract({column}, '$.{'.'.join(path)}')"

    number = text

    def object(self, column: str, *path: str) -> str:
        """Return the expression of an object inside a JSON column, NULL for another value.

        A text would lose its quotes, and make a view fail that reads it as JSON.
        """
        kind = f"json_type({column}, '$.{'.'.join(path)}')"
        return f"CASE {kind} WHEN 'object' THEN {self.text(column, *path)} END"


_FIRST_TABLES = {"calls", "sync_state", "recordings"}

DIALECT = SqliteDialect()
STEPS = steps(DIALECT)
VERSION = len(STEPS)


def check(connection: sqlite3.Connection, path: Path, *, version: int = VERSION) -> int:
    """Return the version of a database, 0 for an empty one; nothing is written.

    Raises SyncError for the database of another program and for one of a newer version.
    """
    application_id, stored_version = _header(connection)
    objects = _number(connection, "SELECT count(*) FROM sqlite_master")
    if application_id != APPLICATION_ID:
        if not application_id and not stored_version and _has_tables(connection):
            return _version_of_tables(connection)
        if application_id or stored_version or objects:
            raise SyncError(f"{path} is the database of another program; name another file")
        return 0
    if stored_version > version:
        raise SyncError(f"{path} was written by a newer version; upgrade roistat_async")
    return stored_version


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Step] = STEPS) -> None:
    """Migrate a database to the version that `steps` lead to, in one transaction."""
    header = APPLICATION_ID, len(steps)
    if check(connection, path, version=len(steps)) == len(steps) and _header(connection) == header:
        return
    with transaction(connection, BEGIN):
        # Another process may have migrated it meanwhile.
        start = check(connection, path, version=len(steps))
        for number, step in enumerate(steps[start:], start + 1):
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        # A copy that was restored from a dump has lost both.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    application_id = _number(connection, "PRAGMA application_id")
    return application_id, _number(connection, "PRAGMA user_version")


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Return whether a database without a header has the tables of a copy."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {name for (name,) in rows}
    columns = {row[1] for row in connection.execute("PRAGMA table_info(calls)")}
    return names >= _FIRST_TABLES and {"project", "content_hash", "changed_at"} <= columns


def _version_of_tables(connection: sqlite3.Connection) -> int:
    """Return the version of a copy by its tables: the newest one whose columns it has."""
    columns = _columns(connection)
    later = enumerate(_columns_by_version()[1:], 2)
    return max([1, *(version for version, needed in later if needed <= columns)])


@cache
def _columns_by_version() -> list[set[tuple[str, str]]]:
    """Return the columns that each version has, the first one first."""
    versions = []
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in STEPS:
            for statement in step:
                connection.execute(statement)
            versions.append(_columns(connection))
    return versions


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the columns of all tables and views, each with its table."""
    query = """
        SELECT relation.name, field.name
        FROM sqlite_master AS relation, pragma_table_info(relation.name) AS field
        WHERE relation.type IN ('table', 'view')
    """
    return {(table, column) for table, column in connection.execute(query)}


def _number(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)
