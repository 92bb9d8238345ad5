"""Connections to a PostgreSQL copy, and error texts that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import SyncError
from . import sql
from .postgres_address import PostgresAddress, import_driver
from .sql import Failure, SqlCursor

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""Statement that begins a transaction; only one run at a time writes the rows of a project."""
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# A text that is compared with a date has no offset, so the time zone counts.
_SESSION = """
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET lock_timeout = '500ms';
SET tcp_keepalives_idle = 60;
"""
_PARAMETER = re.compile(r":([a-z][a-z0-9_]*)")

_LOST = "the connection was lost; run again, and the sync resumes"
# Parts of the texts of libpq, which has no codes for them. They are not shown: a text may contain
# a part of a password that was not encoded.
_BUSY = Failure("the server has too many connections; run again later", temporary=True)
_TLS = Failure("TLS failed; check sslmode and sslrootcert in the URL")
_STARTING = Failure("the server is starting or stopping; run again", temporary=True)
_CONNECT_FAILURES = {
    "authentication failed|no password supplied": Failure(
        "the server refused user or password; check the URL, PGPASSWORD or ~/.pgpass"
    ),
    "starting up|shutting down|recovery mode": _STARTING,
    "too many clients|connection slots": _BUSY,
    "database .* does not exist": Failure("the database does not exist; create it with createdb"),
    "role .* does not exist": Failure(
        "the server does not know this user; check the URL, or create it with createuser"
    ),
    r"pg_hba\.conf": Failure("the server does not accept this user from here; see its pg_hba.conf"),
    "SSL|certificate": _TLS,
}
_UNREACHABLE = Failure(
    "the server cannot be reached; check host and port, and whether it runs", temporary=True
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html: a code, or its class
_FAILURES = {
    "08": Failure(_LOST, temporary=True),
    "57P01": Failure(_LOST, temporary=True),
    "57P02": Failure(_LOST, temporary=True),
    "57P03": _STARTING,
    "57014": Failure("the server cancelled a statement (statement_timeout?); run again", True),
    "25P03": Failure(_LOST, temporary=True),
    "53100": Failure("the disk of the server is full; free some space and run again", True),
    "53": Failure("the server is out of resources; run again later", temporary=True),
    "55P03": Failure("it is locked by another program; close that and run again", True, True),
    "40": Failure("another program changes the same rows; run again", True, True),
    "23505": Failure("another program writes the same rows; run again", True, True),
    "25006": Failure("the server is read-only; name the primary server"),
    "42501": Failure("the user lacks a right; a sync needs CREATE on the schema and TEMP on the "
                     "database, a reader SELECT on all tables of the copy, see docs/postgresql.md"),
    "2BP01": Failure("a view or table of yours depends on one of the copy that has to be replaced; "
                     "drop yours, run again, and create it again"),
    "42P16": Failure("the view calls_flat is not that of the copy; rename it and run again"),
    "3F000": Failure("no schema of the search path exists; create one, see docs/postgresql.md"),
    "42P01": Failure("a table of the copy is missing; restore it from a backup, or connect without "
                     "a pooler, see docs/postgresql.md"),
    "42703": Failure("a column of the copy is missing; restore it from a backup"),
}  # fmt: skip


class PostgresConnection:
    """Connection of psycopg with the methods of SqlConnection."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def is_alive(self) -> bool:
        """Ask the server whether the connection still exists."""
        try:
            self._connection.execute("SELECT 1")
        except import_driver().OperationalError:
            return False
        return True

    def execute(
        self, statement: str, parameters: Mapping[str, object] | None = None, /
    ) -> SqlCursor:
        """Execute one statement."""
        if parameters is None:
            cursor = self._connection.execute(statement.encode())
        else:
            cursor = self._connection.execute(_translate(statement), parameters)
        if statement == "COMMIT" and cursor.statusmessage == "ROLLBACK":
            # Something hid an error of the transaction, and the server ended it so.
            raise import_driver().errors.InFailedSqlTransaction("nothing was stored")
        return cursor

    def executemany(self, statement: str, rows: Iterable[Any], /) -> SqlCursor:
        """Execute one statement for each row of parameters."""
        cursor = self._connection.cursor()
        cursor.executemany(_translate(statement), list(rows))
        return cursor

    def copy(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Write rows by a COPY statement."""
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        """Close the connection; the server then rolls back and unlocks."""
        self._connection.close()


def connect(address: PostgresAddress) -> PostgresConnection:
    """Connect to a database; raise SyncError if that fails."""
    psycopg = import_driver()
    failure = _UNREACHABLE
    try:
        connection = psycopg.connect(**address.parameters, autocommit=True)
    except psycopg.Error as error:
        failure = _connect_failure(str(error))
    else:
        return _prepare(address, connection)
    raise SyncError(f"{address.name}: {failure.problem}", temporary=failure.temporary)


def run(
    address: PostgresAddress,
    action: Callable[[], T],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> T:
    """Run a function as `sql.run` does, with errors of PostgreSQL."""
    return sql.run(address.name, action, _describe, is_cancelled)


def _prepare(
    address: PostgresAddress, connection: psycopg.Connection[tuple[Any, ...]]
) -> PostgresConnection:
    try:
        for name, loader in _loaders().items():
            connection.adapters.register_loader(name, loader)
        connection.execute(_SESSION)
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise SyncError(
                f"{address.name}: the encoding of the database is not UTF8; create another one "
                "with: createdb --template=template0 --encoding=UTF8"
            )
    except BaseException:
        connection.close()
        raise
    return PostgresConnection(connection)


@lru_cache(maxsize=1)
def _loaders() -> dict[str, Any]:
    """Return loaders by type, which give values as a copy in SQLite has them."""
    text: Any = import_driver().types.string.TextLoader

    class UtcLoader(text):  # type: ignore[misc]  # imported at runtime
        def load(self, data: Any) -> str:
            date: str = super().load(data)  # 2026-05-01 12:00:00+00
            return date.replace(" ", "T", 1).replace("+00", "Z")

    class FloatLoader(text):  # type: ignore[misc]  # imported at runtime
        def load(self, data: Any) -> float:
            return float(super().load(data))  # psycopg's own raises for more than 1e308

    return {"json": text, "jsonb": text, "timestamptz": UtcLoader, "numeric": FloatLoader}


@lru_cache(maxsize=128)
def _translate(statement: str) -> bytes:
    """Replace the parameters by those of psycopg: `:name` by `%(name)s`."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%")).encode()


def _describe(error: Exception) -> Failure | None:
    """Return what an error means; the server's text is left out, because it may contain a value."""
    if not isinstance(error, import_driver().Error):
        return None
    code: str | None = error.sqlstate
    if code is None:
        is_lost = isinstance(error, import_driver().OperationalError)
        name = type(error).__name__
        return Failure(_LOST, True) if is_lost else Failure(f"the database failed ({name})")
    failure = _FAILURES.get(code) or _FAILURES.get(code[:2])
    return failure or Failure(f"the database failed ({type(error).__name__}, {code})")


def _connect_failure(text: str) -> Failure:
    matching = (failure for part, failure in _CONNECT_FAILURES.items() if re.search(part, text))
    return next(matching, _UNREACHABLE)
