"""Choice of a target by its path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ..errors import ConfigurationError
from ..integrations.objects import is_url
from ..tracebacks import hides_arguments
from .ndjson import NdjsonTarget, StdoutTarget
from .parquet import ParquetTarget
from .postgres import PostgresTarget
from .postgres_address import is_postgres
from .sql_target import SqlTarget
from .sqlite import SqliteTarget
from .target import Target

_SQLITE = {".db", ".sqlite", ".sqlite3"}
_NDJSON = {".ndjson", ".jsonl"}


@hides_arguments
def open_target(
    path: str | os.PathLike[str],
    *,
    extend: Sequence[str] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
) -> Target:
    """Return the target for a path or URL; nothing is opened yet.

    `calls.db` is a SQLite database, `postgresql://user@host/database` a PostgreSQL database,
    `calls.ndjson` a file of JSON lines, `-` the same on stdout, `calls.parquet` or a folder a
    Parquet data set, and `s3://bucket/calls.parquet` one in an object store. Raises
    ConfigurationError for another path.
    """
    name = os.fspath(path)
    if is_postgres(name):
        return PostgresTarget(name, extend=extend)
    suffix = Path(name).suffix.lower()
    if is_url(name):
        if suffix in _SQLITE | _NDJSON:
            raise ConfigurationError(
                "a copy in an object store consists of Parquet files: name s3://bucket/calls.parquet"
            )
        return ParquetTarget(name)
    if suffix in _SQLITE:
        return SqliteTarget(path, extend=extend)
    if name == "-":
        return StdoutTarget()
    if suffix in _NDJSON:
        # It must remember all calls that may be read again; others would be appended twice.
        return NdjsonTarget(path, keep=2 * max(lookback, timedelta(hours=24)))
    if suffix == ".parquet" or name.endswith(os.sep) or Path(name).is_dir():
        return ParquetTarget(path)
    raise ConfigurationError(
        "unknown target: name a database (calls.db or postgresql://…), a file of JSON lines "
        "(calls.ndjson, or - for stdout) or a folder of Parquet files (calls.parquet, s3://…)"
    )


def open_database(copy: str | os.PathLike[str]) -> SqlTarget:
    """Return the target for the path of a SQLite database or the URL of a PostgreSQL database."""
    return PostgresTarget(os.fspath(copy)) if is_postgres(copy) else SqliteTarget(copy)
