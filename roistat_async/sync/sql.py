"""What a SQL database must offer to hold a copy.

Statements have named parameters (`:name`). Dates and JSON go in and come out as text, whatever the
types of the columns. A driver that differs needs an adapter that has the methods of SqlConnection.
A connection must not begin transactions by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from attrs import frozen

from ..errors import SyncError

T = TypeVar("T")

_CONFLICT_TIMEOUT = 30.0  # seconds to wait while another project or program writes
_CONFLICT_PAUSE = 0.01


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


@frozen
class Failure:
    """What an error of a driver means.

    `problem` says what to do, and holds no value of a row. A `temporary` one may pass by itself.
    After a conflict with another program, the same transaction may succeed at once.
    """

    problem: str
    temporary: bool = False
    is_conflict: bool = False


def run(
    name: str,
    action: Callable[[], T],
    describe: Callable[[Exception], Failure | None],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> T:
    """Run a function; raise SyncError, without the original, instead of an error of the driver.

    After a conflict, the function is run again, but not once it is cancelled: it must undo what it
    did when it raises, as a transaction does. `describe` returns None for an error that is not the
    driver's.
    """
    give_up_at = time.monotonic() + _CONFLICT_TIMEOUT
    while True:
        try:
            return action()
        except Exception as error:
            failure = describe(error)
            if failure is None:
                raise
        if not failure.is_conflict or is_cancelled() or time.monotonic() >= give_up_at:
            raise SyncError(f"{name}: {failure.problem}", temporary=failure.temporary)
        time.sleep(_CONFLICT_PAUSE)
