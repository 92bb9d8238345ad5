"""Tables of a PostgreSQL copy, and the migration of older copies."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..errors import SyncError
from .postgres_connection import BEGIN
from .sql import SqlConnection, transaction
from .tables import Dialect, Step, steps

_TABLES = {"calls", "sync_state", "recordings", "bad_records", "calls_flat"}
_VERSION_TABLE = "sync_schema"
_RELATIONS = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = current_schema()
"""
# Two projects may create the tables at the same time.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('roistat_async ' || current_schema(), 0))"
_PROJECT_KEY = """
hashtextextended('roistat_async ' || current_schema() || ' ' || CAST(:project AS TEXT), 0)
"""
_LOCK_PROJECT = f"SELECT pg_try_advisory_lock({_PROJECT_KEY})"
_UNLOCK_PROJECT = f"SELECT pg_advisory_unlock({_PROJECT_KEY})"
_LOCK_ATTEMPTS = 10
_LOCK_PAUSE = 0.05  # seconds


class PostgresDialect(Dialect):
    """Types and expressions of PostgreSQL."""

    integer = "BIGINT"
    date = "TIMESTAMPTZ"
    json = "JSONB"
    content_hash = ""
    minute = "to_char(date AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI')"

    def replace_view(self, name: str, query: str) -> Step:
        """Return the statement that creates a view, or adds columns at the end of an older one.

        A view that is dropped loses the rights of its readers, and other views may depend on it.
        """
        return (f"CREATE OR REPLACE VIEW {name} AS {query}",)

    def text(self, column: str, *path: str) -> str:
        """Return the expression of a text inside a JSON column, NULL if it is missing."""
        return f"{column} #>> '{{{','.join(path)}}}'"

    def number(self, column: str, *path: str) -> str:
        """Return the expression of a number inside a JSON column, NULL for another value.

        An odd value is in the JSON as it came, and must not make the whole view fail.
        """
        value = f"{column} #> '{{{','.join(path)}}}'"
        is_number = f"jsonb_typeof({value}) = 'number'"
        return f"CASE WHEN {is_number} THEN CAST({self.text(column, *path)} AS NUMERIC) END"

    def object(self, column: str, *path: str) -> str:
        """Return the expression of an object inside a JSON column, NULL for another value."""
        value = f"{column} #> '{{{','.join(path)}}}'"
        return f"CASE jsonb_typeof({value}) WHEN 'object' THEN {value} END"


DIALECT = PostgresDialect()
STEPS = steps(DIALECT)
VERSION = len(STEPS)


def check(connection: SqlConnection, name: str, *, newest: int = VERSION) -> int:
    """Return the version of the copy in the current schema, 0 for none; nothing is written.

    Raises SyncError if the schema has tables of another program or of a newer version.
    """
    (schema,) = connection.execute("SELECT current_schema()").fetchone()
    if schema is None:
        raise SyncError(
            f"{name}: no schema of the search path exists; create one, see docs/postgresql.md"
        )
    relations = {relation for (relation,) in connection.execute(_RELATIONS)}
    if _VERSION_TABLE not in relations:
        if relations & _TABLES:
            raise SyncError(
                f"{name}: the schema {schema} has tables of another program; name another database "
                "or another schema, see docs/postgresql.md"
            )
        return 0
    (version,) = connection.execute(f"SELECT version FROM {_VERSION_TABLE}").fetchone()
    if version > newest:
        raise SyncError(f"{name} was written by a newer version; upgrade roistat_async")
    return int(version)


def migrate(connection: SqlConnection, name: str, steps: Sequence[Step] = STEPS) -> None:
    """Migrate the copy to the version that `steps` lead to, in one transaction."""
    newest = len(steps)
    if check(connection, name, newest=newest) == newest:
        return
    with transaction(connection, BEGIN):
        connection.execute(_LOCK)
        start = check(connection, name, newest=newest)
        if not start:
            connection.execute(f"CREATE TABLE {_VERSION_TABLE} (version BIGINT NOT NULL)")
            connection.execute(f"INSERT INTO {_VERSION_TABLE} VALUES (0)")
        for step in steps[start:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"UPDATE {_VERSION_TABLE} SET version = :version", {"version": newest})


def lock_project(connection: SqlConnection, project: int) -> bool:
    """Lock a project until the connection ends; return whether no other connection has it.

    The server needs a moment to notice that a run was killed.
    """
    for attempt in range(_LOCK_ATTEMPTS):
        if attempt:
            time.sleep(_LOCK_PAUSE)
        (is_locked,) = connection.execute(_LOCK_PROJECT, {"project": project}).fetchone()
        if is_locked:
            return True
    return False


def unlock_project(connection: SqlConnection, project: int) -> None:
    """Unlock a project."""
    connection.execute(_UNLOCK_PROJECT, {"project": project})
