"""Reader of a PostgreSQL copy, also while a sync writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from ..errors import SyncError
from . import postgres_connection, postgres_schema
from .postgres_address import parse_address
from .sql import SqlConnection, transaction

T = TypeVar("T")

_SIZE = """
SELECT CAST(sum(pg_total_relation_size(pg_class.oid)) AS BIGINT)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = current_schema() AND relkind = 'r'
    AND relname IN ('calls', 'sync_state', 'recordings', 'bad_records', 'sync_schema')
"""


class PostgresReader:
    """Reader of the copy in a database; nothing is written."""

    dialect = postgres_schema.DIALECT

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._address = parse_address(url)
        self.name = self._address.name

    def read(self, query: Callable[[SqlConnection], T]) -> T:
        """Run a query in one transaction, which sees the copy as it is at its start."""
        return postgres_connection.run(self._address, lambda: self._read(query))

    def size(self, connection: SqlConnection) -> int:
        """Return the number of bytes of the tables and their indexes."""
        (size,) = connection.execute(_SIZE).fetchone()
        return int(size)

    def _read(self, query: Callable[[SqlConnection], T]) -> T:
        with (
            closing(postgres_connection.connect(self._address)) as connection,
            transaction(connection, postgres_connection.BEGIN_READING),
        ):
            if postgres_schema.check(connection, self.name) != postgres_schema.VERSION:
                raise SyncError(
                    f"{self.name} has no copy of this version; run roistat sync into it first"
                )
            return query(connection)
