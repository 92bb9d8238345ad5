"""Insert and update rows of the table `calls` in PostgreSQL; unchanged rows are not written.

COPY writes the rows into a temporary table, and one statement writes from there what is new or
changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from ..wire.call_json import NESTED
from .call_rows import COLUMNS, Value
from .postgres_connection import PostgresConnection
from .target import WriteCounts

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
CREATE_INCOMING = f"""
CREATE TEMP TABLE incoming_calls ON COMMIT DELETE ROWS AS SELECT {_NAMES} FROM calls WITH NO DATA
"""
"""Statement that creates the temporary table, with the types of the columns of `calls`."""
_COPY = f"COPY pg_temp.incoming_calls ({_NAMES}) FROM STDIN"
_PARTS = ("visit", "order")
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # as JSON, after an even number of backslashes


def upsert(
    connection: PostgresConnection,
    project: int,
    columns: Sequence[list[Value]],
    now: str,
    extend: Collection[str],
) -> WriteCounts:
    """Write the calls of one project, each id once, and count the new and changed rows.

    A part of a call that is not in `extend` stays as it is stored.
    """
    if not columns[0]:
        return WriteCounts()
    storable = map(_without_nul, COLUMNS, columns)
    connection.copy(_COPY, zip(*storable, strict=True))
    statement = _statement(frozenset(extend))
    row = connection.execute(statement, {"project": project, "now": now}).fetchone()
    added, written = row
    return WriteCounts(added, written - added)


@lru_cache(maxsize=8)
def _statement(extend: frozenset[str]) -> str:
    stored = ", ".join(f'calls."{name}"' for name in COLUMNS[1:])
    values = {name: f'excluded."{name}"' for name in COLUMNS[1:]}
    for part in _PARTS:
        if part not in extend:
            values[part] = f'coalesce(excluded."{part}", calls."{part}")'
    changes = ", ".join(f'"{name}" = {value}' for name, value in values.items())
    return f"""
WITH written AS (
    INSERT INTO calls (project, first_seen_at, changed_at, {_NAMES})
    SELECT CAST(:project AS BIGINT), CAST(:now AS TIMESTAMPTZ), CAST(:now AS TIMESTAMPTZ), {_NAMES}
    FROM pg_temp.incoming_calls
    ON CONFLICT (project, id) DO UPDATE SET
        {changes}, changed_at = excluded.changed_at, deleted_at = NULL
    WHERE ({stored}) IS DISTINCT FROM ({", ".join(values.values())})
        OR calls.deleted_at IS NOT NULL
    RETURNING xmax = 0 AS is_new  -- an updated row has a transaction there
)
SELECT count(*) FILTER (WHERE is_new), count(*) FROM written
"""


def _without_nul(name: str, column: list[Value]) -> list[Value]:
    """Replace the character NUL, which PostgreSQL cannot store; JSON has it as an escape."""
    nul = "\\u0000" if name in NESTED else "\x00"
    if nul not in "".join([value for value in column if type(value) is str]):
        return column
    if name in NESTED:
        return [value and _NUL.sub(r"\1\\ufffd", str(value)) for value in column]
    return [value.replace(nul, "\ufffd") if type(value) is str else value for value in column]
