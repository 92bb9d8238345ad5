"""Which kind of target a path means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ..errors import ConfigurationError
from .target import Target

_DATABASES = {".db", ".sqlite", ".sqlite3"}
_LINES = {".ndjson", ".jsonl"}


def open_target(
    path: str | os.PathLike[str],
    *,
    extend: Sequence[str] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
) -> Target:
    """Give the target that a path means; nothing is opened yet.

    `calls.db` is a database, `calls.ndjson` lines of JSON, `-` the same on stdout, a folder or
    `calls.parquet` a folder of Parquet files. Raises ConfigurationError for anything else.
    """
    name = os.fspath(path)
    suffix = Path(name).suffix.lower()
    if suffix in _DATABASES:
        from .sqlite import SqliteTarget

        return SqliteTarget(path, extend=extend)
    if name == "-":
        from .ndjson import StdoutTarget

        return StdoutTarget()
    if suffix in _LINES:
        from .ndjson import NdjsonTarget

        # It must remember the calls that may be read again, or it would append them once more.
        return NdjsonTarget(path, keep=2 * max(lookback, timedelta(hours=24)))
    if suffix == ".parquet" or name.endswith(os.sep) or Path(name).is_dir():
        from .parquet import ParquetTarget

        return ParquetTarget(path)
    raise ConfigurationError(
        "where to? name a database (calls.db), lines of JSON (calls.ndjson, or - for stdout) "
        "or a folder for Parquet (calls.parquet)"
    )
