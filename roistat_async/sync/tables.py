"""Tables of a copy, the same in SQLite and PostgreSQL but for types and expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

Step = Sequence[str]
"""Statements that migrate a database from one version to the next."""


class Dialect(ABC):
    """Types and expressions in which databases differ."""

    integer: str
    date: str
    json: str
    content_hash: str
    """Definition of a column that shows whether a row changed, "" where rows are compared."""
    minute: str
    """Date of a call up to the minute, in UTC, as 2026-05-01T12:00."""

    @abstractmethod
    def replace_view(self, name: str, query: str) -> Step:
        """Return the statements that create a view, or add columns at the end of an older one."""

    @abstractmethod
    def text(self, column: str, *path: str) -> str:
        """Return the expression of a text inside a JSON column, NULL if it is missing."""

    @abstractmethod
    def number(self, column: str, *path: str) -> str:
        """Return the expression of a number inside a JSON column, NULL for another value."""

    @abstractmethod
    def object(self, column: str, *path: str) -> str:
        """Return the expression of an object inside a JSON column, NULL for another value."""


def steps(dialect: Dialect) -> Sequence[Step]:
    """Return the statements that create the tables; each step is a version.

    A step never changes once it is released: databases of its version exist.
    """
    return (_first_tables(dialect), _bad_records(dialect), flat_view(dialect))


def _first_tables(dialect: Dialect) -> Step:
    calls = f"""
CREATE TABLE calls (
    project {dialect.integer} NOT NULL,
    id TEXT NOT NULL,
    date {dialect.date} NOT NULL,
    status TEXT NOT NULL,
    callee TEXT,
    caller TEXT,
    duration {dialect.integer},
    waiting_time {dialect.integer},
    answer_duration {dialect.integer},
    link TEXT,
    visit_id TEXT,
    order_id TEXT,
    static_source {dialect.json},
    comment TEXT,
    visit {dialect.json},
    "order" {dialect.json},
    marker TEXT,
    google_client_id TEXT,
    script_name TEXT,
    tags {dialect.json},
    extra {dialect.json},{dialect.content_hash}
    first_seen_at {dialect.date} NOT NULL,
    changed_at {dialect.date} NOT NULL,
    deleted_at {dialect.date},
    PRIMARY KEY (project, id)
)
"""
    state = f"""
CREATE TABLE sync_state (
    project {dialect.integer} PRIMARY KEY,
    base_url TEXT NOT NULL,
    covered_from {dialect.date},
    watermark {dialect.date},
    walk TEXT,
    calls {dialect.integer},
    last_started_at {dialect.date},
    last_finished_at {dialect.date}
)
"""
    recordings = f"""
CREATE TABLE recordings (
    project {dialect.integer} NOT NULL,
    call_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('saved', 'missing', 'failed', 'given_up')),
    path TEXT,
    size {dialect.integer},
    sha256 TEXT,
    tries {dialect.integer} NOT NULL DEFAULT 0,
    first_tried_at {dialect.date},
    last_tried_at {dialect.date},
    next_try_at {dialect.date},
    problem TEXT,
    PRIMARY KEY (project, call_id)
)
"""
    return (
        calls,
        # With `deleted_at`, the index alone is enough to count the calls of a project.
        "CREATE INDEX calls_by_date ON calls (project, date, deleted_at)",
        "CREATE INDEX calls_active ON calls (project, date)"
        " WHERE status = 'ACTIVE' AND deleted_at IS NULL",
        state,
        recordings,
        "CREATE UNIQUE INDEX recordings_by_path ON recordings (path) WHERE path IS NOT NULL",
    )


def _bad_records(dialect: Dialect) -> Step:
    bad_records = f"""
CREATE TABLE bad_records (
    project {dialect.integer} NOT NULL,
    call_id TEXT NOT NULL,
    date {dialect.date},
    path TEXT NOT NULL,
    problem TEXT NOT NULL,
    read_from {dialect.date} NOT NULL,
    read_until {dialect.date} NOT NULL,
    first_seen_at {dialect.date} NOT NULL,
    last_seen_at {dialect.date} NOT NULL,
    PRIMARY KEY (project, read_from, read_until, call_id, path)
)
"""
    return (
        bad_records,
        "ALTER TABLE sync_state ADD COLUMN last_error TEXT",
        f"ALTER TABLE sync_state ADD COLUMN last_failed_at {dialect.date}",
    )


def flat_view(dialect: Dialect, *columns: str) -> Step:
    """Create the view again; versions 1 and 2 of a SQLite copy had one with fewer columns.

    A later step may pass names of `columns` that it added to the table of calls. They stand last.
    """
    text, number = dialect.text, dialect.number
    # The source of a call is that of its visit, else that of its static number.
    query = f"""
SELECT
    project, id, date, status, caller, callee, duration, waiting_time, answer_duration,
    script_name, marker, comment, tags, link, recording_path,
    {text("source", "display_name")} AS source,
    {text("source", "system_name")} AS source_system_name,
    {text("source", "utm_source")} AS utm_source,
    {text("source", "utm_medium")} AS utm_medium,
    {text("source", "utm_campaign")} AS utm_campaign,
    {text("source", "utm_term")} AS utm_term,
    {text("source", "utm_content")} AS utm_content,
    visit_id,
    {text("visit", "landing_page")} AS landing_page,
    coalesce({text("visit", "referrer")}, {text("source", "referrer")}) AS referrer,
    {text("visit", "host")} AS host,
    {dialect.object("visit", "device")} AS device,
    {text("visit", "geo", "city")} AS city,
    {text("visit", "geo", "region")} AS region,
    {text("visit", "geo", "country")} AS country,
    coalesce(google_client_id, {text("visit", "google_client_id")}) AS google_client_id,
    {text("visit", "metrika_client_id")} AS metrika_client_id,
    order_id,
    {text('"order"', "status", "name")} AS order_status,
    {text('"order"', "status", "type")} AS order_status_type,
    {number('"order"', "revenue")} AS order_revenue,
    {number('"order"', "cost")} AS order_cost,
    {text('"order"', "creation_date")} AS order_created_at,
    {text('"order"', "url")} AS order_url,
    {", ".join(("first_seen_at", "changed_at", *columns))}
FROM (
    SELECT *, coalesce({dialect.object("visit", "source")}, static_source) AS source,
        (SELECT path FROM recordings WHERE recordings.project = calls.project
            AND recordings.call_id = calls.id AND recordings.state = 'saved') AS recording_path
    FROM calls WHERE deleted_at IS NULL
) AS calls_with_source
"""
    return dialect.replace_view("calls_flat", query)
