"""Calls of a copy in a database, from the view `calls_flat`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from ..models.period import Period
from .sql import SqlConnection
from .status import open_reader
from .timestamps import second_prefix

T = TypeVar("T")


def read_flat_calls(
    copy: str | os.PathLike[str],
    columns: Sequence[str],
    *,
    period: Period,
    project: int | None,
    use: Callable[[Iterable[tuple[Any, ...]]], T],
) -> T:
    """Return what `use` makes of the rows of a period, of one project or of all.

    Whole seconds are read: a call within the second of the start or end may be outside the period.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f"SELECT {names} FROM calls_flat WHERE date >= :start AND date < :end"
    parameters: dict[str, object] = {
        "start": second_prefix(period.start),
        "end": second_prefix(period.end + timedelta(seconds=1)),
    }
    if project is not None:
        statement += " AND project = :project"
        parameters["project"] = project

    def query(connection: SqlConnection) -> T:
        return use(connection.execute(statement, parameters))

    return open_reader(copy).read(query)
