"""Tables of a SQLite copy, and the migration of older copies."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ..errors import SyncError
from .sql import transaction

APPLICATION_ID = 0x526F6953  # "RoiS"; `file calls.db` shows it
BEGIN = "BEGIN IMMEDIATE"
"""Statement that begins a transaction: it locks out other writers before it reads."""

Step = Sequence[str]
"""Statements that migrate a database from one version to the next."""

_CALLS = """
CREATE TABLE calls (
    project INTEGER NOT NULL,
    id TEXT NOT NULL,
    date TEXT NOT NULL,
    status TEXT NOT NULL,
    callee TEXT,
    caller TEXT,
    duration INTEGER,
    waiting_time INTEGER,
    answer_duration INTEGER,
    link TEXT,
    visit_id TEXT,
    order_id TEXT,
    static_source TEXT,
    comment TEXT,
    visit TEXT,
    "order" TEXT,
    marker TEXT,
    google_client_id TEXT,
    script_name TEXT,
    tags TEXT,
    extra TEXT,
    content_hash BLOB NOT NULL,
    first_seen_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (project, id)
)
"""
_STATE = """
CREATE TABLE sync_state (
    project INTEGER PRIMARY KEY,
    base_url TEXT NOT NULL,
    covered_from TEXT,
    watermark TEXT,
    walk TEXT,
    calls INTEGER,
    last_started_at TEXT,
    last_finished_at TEXT
)
"""
_RECORDINGS = """
CREATE TABLE recordings (
    project INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('saved', 'missing', 'failed', 'given_up')),
    path TEXT,
    size INTEGER,
    sha256 TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    first_tried_at TEXT,
    last_tried_at TEXT,
    next_try_at TEXT,
    problem TEXT,
    PRIMARY KEY (project, call_id)
)
"""
# The source of a call is that of its visit, else that of its static number.
_FLAT = """
CREATE VIEW calls_flat AS
SELECT
    project, id, date, status, caller, callee, duration, waiting_time, answer_duration,
    script_name, marker, comment, link,
    json_extract(source, '$.display_name') AS source,
    json_extract(source, '$.system_name') AS source_system_name,
    json_extract(source, '$.utm_source') AS utm_source,
    json_extract(source, '$.utm_medium') AS utm_medium,
    json_extract(source, '$.utm_campaign') AS utm_campaign,
    json_extract(source, '$.utm_term') AS utm_term,
    json_extract(source, '$.utm_content') AS utm_content,
    visit_id,
    json_extract(visit, '$.landing_page') AS landing_page,
    coalesce(json_extract(visit, '$.referrer'), json_extract(source, '$.referrer')) AS referrer,
    json_extract(visit, '$.host') AS host,
    json_extract(visit, '$.device') AS device,
    json_extract(visit, '$.geo.city') AS city,
    json_extract(visit, '$.geo.region') AS region,
    json_extract(visit, '$.geo.country') AS country,
    coalesce(google_client_id, json_extract(visit, '$.google_client_id')) AS google_client_id,
    json_extract(visit, '$.metrika_client_id') AS metrika_client_id,
    order_id,
    json_extract("order", '$.status.name') AS order_status,
    json_extract("order", '$.status.type') AS order_status_type,
    json_extract("order", '$.revenue') AS order_revenue,
    json_extract("order", '$.cost') AS order_cost,
    json_extract("order", '$.creation_date') AS order_created_at,
    json_extract("order", '$.url') AS order_url,
    first_seen_at, changed_at
FROM (
    SELECT *, coalesce(json_extract(visit, '$.source'), static_source) AS source
    FROM calls WHERE deleted_at IS NULL
)
"""

_BAD_RECORDS = """
CREATE TABLE bad_records (
    project INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    date TEXT,
    path TEXT NOT NULL,
    problem TEXT NOT NULL,
    read_from TEXT NOT NULL,
    read_until TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    PRIMARY KEY (project, read_from, read_until, call_id, path)
)
"""

_FIRST_TABLES = {"calls", "sync_state", "recordings"}

STEPS: Sequence[Step] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        _CALLS,
        # With `deleted_at`, the index alone is enough to count the calls of a project.
        "CREATE INDEX calls_by_date ON calls (project, date, deleted_at)",
        "CREATE INDEX calls_active ON calls (project, date)"
        " WHERE status = 'ACTIVE' AND deleted_at IS NULL",
        _STATE,
        _RECORDINGS,
        "CREATE UNIQUE INDEX recordings_by_path ON recordings (path) WHERE path IS NOT NULL",
        _FLAT,
    ),
    (
        _BAD_RECORDS,
        "ALTER TABLE sync_state ADD COLUMN last_error TEXT",
        "ALTER TABLE sync_state ADD COLUMN last_failed_at TEXT",
    ),
)
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
    """Return the version of a copy by its tables: 2 added `bad_records`."""
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'bad_records'"
    return 1 + _number(connection, query)


def _number(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)
