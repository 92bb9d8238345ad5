"""What a SQL database must offer to hold a copy.

Statements have named parameters (`:name`). A driver with other placeholders needs an adapter that
has the methods of SqlConnection. A connection must not begin transactions by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol


class SqlCursor(Protocol):
    """Result of a statement."""

    @property
    def rowcount(self) -> int:
        """Number of rows that the statement wrote."""

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""

    def fetchall(self) -> list[Any]:
        """Return all remaining rows."""

    def __iter__(self) -> Iterator[Any]: ...


class SqlConnection(Protocol):
    """Connection to a database, used by one thread at a time."""

    def execute(self, statement: str, parameters: Mapping[str, object] = ..., /) -> SqlCursor:
        """Execute one statement."""

    def executemany(self, statement: str, rows: Iterable[Any], /) -> SqlCursor:
        """Execute one statement for each row of parameters."""

    def close(self) -> None:
        """Close the connection."""


@contextmanager
def transaction(connection: SqlConnection, begin: str = "BEGIN") -> Iterator[None]:
    """Commit what the block does, or roll it back if the block raises."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(Exception):  # after some errors the database has already rolled back
            connection.execute("ROLLBACK")
        raise
