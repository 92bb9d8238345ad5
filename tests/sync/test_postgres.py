"""PostgreSQL target: what only a server can suffer, against a real one."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
import traceback
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from roistat_async.errors import ConfigurationError, SyncError
from roistat_async.models.calls import CallStatus, Visit
from roistat_async.sync import (
    PostgresTarget,
    SyncState,
    WriteCounts,
    open_target,
    postgres_connection,
    postgres_schema,
    sync_calls,
    sync_recordings,
)
from roistat_async.sync import recordings_table as recordings
from roistat_async.sync.postgres_address import parse_address
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.status import read_calls, read_status
from roistat_async.sync.tables import flat_view
from roistat_async.testing import Fault
from tests.helpers.postgres_server import PASSWORD, USER, PostgresServer

from .calls_db import ADDRESS, NOON, STATE, call
from .databases import Database, connected, query
from .live import LIST, Live, living, moment
from .live import NOON as START
from .target_cases import reopen

pytest.importorskip("psycopg", reason="psycopg is missing: install the extra postgres")

URL = "postgresql://host.example:5432/calls"
LOST = "the connection was lost; run again"
in_postgres = pytest.mark.parametrize("run_database", ["postgres"], indirect=True)


@pytest.fixture
def database(postgres_url: str) -> Database:
    """Return an empty database."""
    return Database(postgres_url)


def terminate(server: PostgresServer, database: Database) -> int:
    """End all connections to a database, as its administrator does; return their number."""
    name = str(database.location).rsplit("/", 1)[1]
    (count,) = server.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        f" WHERE datname = '{name}' AND application_name = 'roistat_async'"
    )[0]
    return int(count)


async def test_a_copy_has_the_types_of_postgresql(
    target: PostgresTarget, database: Database
) -> None:
    """A query needs no cast to compare dates, add numbers or look into a visit."""
    await target.write(1, [call(1, visit=Visit(id="7"), duration=60)], STATE)
    rows = database.query(
        "SELECT id FROM calls WHERE date < now() + interval '1000 years' AND duration + 1 = 61"
        ' AND visit @> \'{"id": "7"}\''
    )
    assert rows == [("1",)]
    columns = "SELECT column_name, data_type FROM information_schema.columns"
    kinds = dict(database.query(f"{columns} WHERE table_name = 'calls'"))
    for kind, names in {
        "timestamp with time zone": ("date", "first_seen_at", "deleted_at"),
        "jsonb": ("visit", "order", "tags", "extra"),
        "bigint": ("project", "duration", "waiting_time"),
    }.items():
        assert {kinds[name] for name in names} == {kind}


async def test_s137_settings_of_the_server_change_nothing(
    database: Database, postgres_server: PostgresServer
) -> None:
    """Another time zone and date style of the database leave the dates as they are."""
    name = str(database.location).rsplit("/", 1)[1]
    for setting in ("TimeZone = 'Europe/Moscow'", "DateStyle = 'German'"):
        postgres_server.execute(f"ALTER DATABASE {name} SET {setting}")
    target = database.target()
    await target.open(1, ADDRESS)
    half = NOON + timedelta(milliseconds=500)
    active = [call(1, status=CallStatus.ACTIVE), call(2, date=half, status=CallStatus.ACTIVE)]
    await target.write(1, active, STATE)
    assert await target.active(1) == [half, call(1).date]
    await target.close()
    (status,) = read_status(database.location).projects
    assert (status.first_call, status.sealed_until) == (half, STATE.watermark)
    dates = read_calls(database.location, 1, ["date"])
    assert dates == {"1": ("2026-05-01T12:01:00Z",), "2": ("2026-05-01T12:00:00.5Z",)}


async def test_s126_a_nul_is_replaced(target: PostgresTarget, database: Database) -> None:
    """PostgreSQL stores none, neither in text nor in JSON; a written backslash stays."""
    written = [call(1, comment="a\0b", tags={"a\0": "\\u0000"}), call(2, comment="\\u0000")]
    assert await target.write(1, written, STATE) == WriteCounts(2, 0)
    assert await target.write(1, written, STATE) == WriteCounts()
    rows = database.query("SELECT comment, tags ->> 'a\ufffd' FROM calls ORDER BY id")
    assert rows == [("a\ufffdb", "\\u0000"), ("\\u0000", None)]


async def test_s120_a_terminated_connection_loses_nothing(
    target: PostgresTarget, database: Database, postgres_server: PostgresServer
) -> None:
    """The transaction is undone, the error may pass, and the same target can be opened again."""
    await target.write(1, [call(1)], SyncState(walk="good"))

    def fail(connection: SqlConnection) -> None:
        connection.execute("DELETE FROM calls")
        assert terminate(postgres_server, database) == 1
        connection.execute("DELETE FROM sync_state")

    with pytest.raises(SyncError, match=LOST) as raised:
        await target.transaction(fail)
    assert raised.value.temporary
    assert raised.value.__cause__ is raised.value.__context__ is None
    with pytest.raises(SyncError, match=LOST):
        await target.write(1, [call(2)], SyncState(walk="bad"))
    assert await target.open(1, ADDRESS) == SyncState(walk="good", newest=call(1).date)
    assert database.ids() == ["1"]


async def test_s120_a_lost_connection_unlocks_its_projects(
    target: PostgresTarget, database: Database, postgres_server: PostgresServer
) -> None:
    """Another run may have a project then; the first one is refused when it opens again."""
    terminate(postgres_server, database)
    other = database.target()
    await other.open(1, ADDRESS)
    with pytest.raises(SyncError, match="another sync is writing project 1"):
        await target.open(1, ADDRESS)
    await target.open(2, ADDRESS)
    await other.close()
    await target.open(1, ADDRESS)


@in_postgres
@pytest.mark.parametrize("is_crash", [False, True], ids=["restart", "crash"])
async def test_s121_a_restarted_server_interrupts_a_run(
    live: Live, postgres_server: PostgresServer, is_crash: bool
) -> None:
    """The run fails with an error that may pass, and the next one resumes it."""

    def restart(_: object) -> None:
        if len(live.fake.requests) == 5:
            postgres_server.stop(is_crash=is_crash)
            postgres_server.start()

    live.fake.on_request = restart
    with pytest.raises(SyncError, match=LOST) as raised:
        await live.sync(page_size=25, concurrency=1)
    assert raised.value.temporary
    stored = len(live.copied())
    assert 0 < stored < 300
    assert live.state("walk") is not None
    assert (await live.sync()).added == 300 - stored
    assert live.is_same()


async def test_s138_an_error_that_was_hidden_is_not_committed(
    target: PostgresTarget, database: Database
) -> None:
    """The server undoes such a transaction without an error of its own."""

    def hide(connection: SqlConnection) -> None:
        connection.execute("DELETE FROM sync_state")
        with pytest.raises(Exception, match="no_such_table"):
            connection.execute("SELECT * FROM no_such_table")

    with pytest.raises(SyncError, match="InFailedSqlTransaction"):
        await target.transaction(hide)
    assert database.query("SELECT project FROM sync_state") == [(1,)]


async def test_s135_a_path_is_claimed_by_one_of_two_programs(database: Database) -> None:
    """The second waits for the first, and then learns that the path is taken."""
    targets = [database.target(), database.target()]
    for project, target in enumerate(targets):
        await target.open(project, ADDRESS)
    is_claimed, may_commit = threading.Event(), threading.Event()

    def claim_first(connection: SqlConnection) -> set[str]:
        taken = recordings.claim(connection, 0, [("1", "1.mp3")], NOON)
        is_claimed.set()
        may_commit.wait()
        return taken

    def claim_second(connection: SqlConnection) -> set[str]:
        return recordings.claim(connection, 1, [("1", "1.mp3")], NOON)

    first = asyncio.create_task(targets[0].transaction(claim_first))
    await asyncio.to_thread(is_claimed.wait)
    second = asyncio.create_task(targets[1].transaction(claim_second))
    await asyncio.sleep(0.1)
    may_commit.set()
    assert (await first, await second) == (set(), {"1"})
    for target in targets:
        await target.close()


async def test_s125_tables_of_another_program_are_not_touched(database: Database) -> None:
    """The error says to name another database or schema."""
    database.query("CREATE TABLE calls (id text)")
    with pytest.raises(SyncError, match="tables of another program; name another database"):
        await reopen(database.target(), 1, ADDRESS)
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    assert database.query(tables) == [("calls",)]


async def test_s131_a_newer_version_is_refused(target: PostgresTarget, database: Database) -> None:
    """Its columns may have another meaning, also for `roistat status`."""
    await target.close()
    database.query("UPDATE sync_schema SET version = 99")
    with pytest.raises(SyncError, match="newer version; upgrade roistat_async"):
        await target.open(1, ADDRESS)
    with pytest.raises(SyncError, match="newer version; upgrade roistat_async"):
        read_status(database.location)


def test_a_database_without_a_copy_has_no_status(database: Database) -> None:
    """The error says how to make one, and nothing is created."""
    with pytest.raises(SyncError, match="run roistat sync into it first"):
        read_status(database.location)
    assert database.query("SELECT count(*) FROM pg_class WHERE relname = 'calls'") == [(0,)]


async def test_s128_a_schema_is_chosen_by_the_search_path(database: Database) -> None:
    """Two schemas are two copies, also of the same project at the same time."""
    database.query("CREATE SCHEMA first")
    first = f"{database.location}?options=-csearch_path%3Dfirst"
    targets = [PostgresTarget(first), PostgresTarget(str(database.location))]
    for target in targets:
        await target.open(1, ADDRESS)
    assert await targets[0].write(1, [call(1)], STATE) == WriteCounts(1, 0)
    assert await targets[1].write(1, [call(1), call(2)], STATE) == WriteCounts(2, 0)
    for target in targets:
        await target.close()
    assert query(first, "SELECT id FROM calls") == query(first, "SELECT id FROM first.calls")
    assert database.ids() == ["1", "2"]


async def test_s128_a_missing_schema_is_named(database: Database) -> None:
    """It is not created: a typo would make a second copy."""
    target = PostgresTarget(f"{database.location}?options=-csearch_path%3Dmissing")
    with pytest.raises(SyncError, match="no schema of the search path exists"):
        await reopen(target, 1, ADDRESS)


async def test_s129_missing_rights_are_named(
    database: Database, postgres_server: PostgresServer
) -> None:
    """A user who may not create tables learns which right he needs."""
    database.query("CREATE ROLE reader LOGIN PASSWORD 'r'")
    try:
        url = str(database.location).replace(f"{USER}:{PASSWORD}", "reader:r")
        with pytest.raises(SyncError, match="a sync needs CREATE on the schema"):
            await reopen(PostgresTarget(url), 1, ADDRESS)
    finally:
        database.query("DROP ROLE reader")


async def test_the_documented_grants_are_enough_for_a_reader(database: Database) -> None:
    """A user with the rights of docs/postgresql.md reads the status and the calls of a copy."""
    await reopen(database.target(), 1, ADDRESS)
    page = (Path(__file__).parents[2] / "docs" / "postgresql.md").read_text(encoding="utf-8")
    grants = re.findall(r"^GRANT .* TO analyst;$", page, re.MULTILINE)
    url = str(database.location).replace(f"{USER}:{PASSWORD}", "analyst:a")
    database.query("CREATE ROLE analyst LOGIN PASSWORD 'a'")
    try:
        with pytest.raises(SyncError, match="a reader SELECT on all tables"):
            read_status(url)
        for grant in grants:
            database.query(grant)
        assert len(read_status(url).projects) == 1
        assert query(url, "SELECT id FROM calls_flat") == []
        assert query(url, "SELECT path FROM recordings") == []
    finally:
        database.query("DROP OWNED BY analyst")
        database.query("DROP ROLE analyst")


async def test_a_migration_keeps_rights_and_views_of_readers(database: Database) -> None:
    """A column that is added to calls_flat takes no right away, and no view that depends on it."""
    await reopen(database.target(), 1, ADDRESS)
    address = parse_address(str(database.location))
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'calls_flat'"
    names = [name for (name,) in database.query(f"{columns} ORDER BY ordinal_position")]
    later = names[names.index("changed_at") + 1 :]  # of the steps after version 3
    view = flat_view(postgres_schema.DIALECT, *later, "note")
    added = ("ALTER TABLE calls ADD COLUMN note TEXT", *view)
    database.query("CREATE ROLE analyst LOGIN PASSWORD 'a'")
    database.query("GRANT SELECT ON calls_flat TO analyst")
    database.query("CREATE VIEW sources AS SELECT id, source FROM calls_flat")
    try:
        with connected(database.location) as connection:
            postgres_schema.migrate(connection, address.name, [*postgres_schema.STEPS, added])
        database.add_call("1", NOON, note="new")
        url = str(database.location).replace(f"{USER}:{PASSWORD}", "analyst:a")
        assert query(url, "SELECT id, note FROM calls_flat") == [("1", "new")]
        assert database.query("SELECT id FROM sources") == [("1",)]
    finally:
        database.query("DROP OWNED BY analyst")
        database.query("DROP ROLE analyst")


@pytest.mark.parametrize(
    ("created", "step", "text"),
    [
        ("sources AS SELECT source FROM calls_flat", "DROP VIEW calls_flat", "drop yours"),
        ("other AS SELECT 1", "CREATE OR REPLACE VIEW other AS SELECT '1' AS id", "rename it"),
    ],
    ids=["dependent view", "another view"],
)
async def test_s171_a_view_of_a_reader_is_named_by_a_failed_migration(
    database: Database, created: str, step: str, text: str
) -> None:
    """The error says what to do with it, and the copy stays as it was."""
    await reopen(database.target(), 1, ADDRESS)
    address = parse_address(str(database.location))
    database.query(f"CREATE VIEW {created}")
    with connected(database.location) as connection:
        steps = [*postgres_schema.STEPS, (step,)]
        with pytest.raises(SyncError, match=text):
            postgres_connection.run(
                address, lambda: postgres_schema.migrate(connection, address.name, steps)
            )
        assert postgres_schema.check(connection, address.name) == postgres_schema.VERSION
    assert database.query("SELECT id FROM calls_flat") == []


async def test_s130_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    """It could not hold every character."""
    postgres_server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(SyncError, match=r"not UTF8.*createdb --template=template0"):
            await reopen(PostgresTarget(postgres_server.url("latin")), 1, ADDRESS)
    finally:
        postgres_server.execute("DROP DATABASE latin")


SECRET = "p@ss:w/rd?%"


def library_frames(error: BaseException) -> str:
    """Return the variables of the frames of this library, as an error reporter shows them."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    return str([frame.locals for frame in trace.stack if "roistat_async/" in frame.filename])


@pytest.mark.parametrize(
    ("change", "problem", "temporary"),
    [
        ((PASSWORD, quote(SECRET, safe="")), "refused user or password", False),
        ((f":{PASSWORD}", ""), "refused user or password", False),
        (("/test_", "/missing_"), "the database does not exist; create it", False),
        ((r"127\.0\.0\.1", "no-such-host.invalid"), "cannot be reached; check host", True),
        ((r":\d+/", ":1/"), "cannot be reached; check host and port", True),
    ],
    ids=["password", "no password", "database", "host", "port"],
)
async def test_s123_a_refused_connection_says_what_to_do(
    database: Database,
    change: tuple[str, str],
    problem: str,
    temporary: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the error nor the log nor a repr has the password."""
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    caplog.set_level(logging.DEBUG)
    target = PostgresTarget(re.sub(*change, str(database.location)))
    with pytest.raises(SyncError, match=problem) as raised:
        await target.open(1, ADDRESS)
    await target.close()
    assert raised.value.temporary == temporary
    assert raised.value.__cause__ is raised.value.__context__ is None
    shown = f"{raised.value!r} {target!r} {caplog.text} {library_frames(raised.value)}"
    for secret in (PASSWORD, SECRET, quote(SECRET, safe=""), "p@ss", "w/rd"):
        assert secret not in shown


async def test_s136_a_silent_server_is_left_after_a_while() -> None:
    """Something that accepts and never answers ends a run with an error that may pass."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/calls?connect_timeout=2"
        with pytest.raises(SyncError, match="cannot be reached") as raised:
            await reopen(PostgresTarget(url), 1, ADDRESS)
    assert raised.value.temporary


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host.example/calls",
        "postgresql://user:pa@ss@host.example/calls",
        "postgresql://user:pa/ss@host.example/calls",
        "postgresql://user:12/ss@host.example/calls",
        "postgresql://user:pass%zz@host.example/calls",
        "postgresql://user:pass@host.example:port/calls",
        "postgresql://user:pass@[host.example/calls",
        "postgresql://user:pass@host.example/calls?no_such=1",
    ],
)
def test_s124_an_invalid_url_is_not_shown(url: str) -> None:
    """A password with a reserved character would be taken for host, port or database."""
    with pytest.raises(ConfigurationError, match=r"write postgresql://.*%40 for @") as raised:
        open_target(url)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert "ss" not in str(raised.value).replace("password", "")
    assert url not in library_frames(raised.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://user:secret@host.example:5432/calls", URL),
        ("postgres://user:secret@host.example:5432/calls?sslmode=require", URL),
        ("POSTGRESQL://host.example:5432/calls?user=user&password=secret", URL),
        ("postgresql:///calls", "postgresql:///calls"),
        ("postgresql://u:secret@a,b/calls", "postgresql://a,b/calls"),
        ("postgresql://u:s%40cret@[::1]:1/calls", "postgresql://::1:1/calls"),
    ],
)
def test_s124_a_repr_has_host_and_database(url: str, name: str) -> None:
    """It has neither user nor password."""
    assert repr(PostgresTarget(url)) == f"PostgresTarget({name!r})"


def test_s132_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is in the error."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'roistat_async\[postgres\]'"):
        open_target("postgresql://host/calls")


async def test_s123_no_variable_of_a_traceback_has_the_password(database: Database) -> None:
    """Error reporters print the variables of frames."""
    url = str(database.location).replace("/test_", "/missing_")
    with pytest.raises(SyncError) as raised:
        read_status(url)
    assert PASSWORD not in library_frames(raised.value)
    async with living(url) as live:
        with pytest.raises(SyncError) as raised:
            await sync_calls(live.roistat, url, since=live.since)
        assert PASSWORD not in library_frames(raised.value)
        with pytest.raises(SyncError) as raised:
            await sync_recordings(live.roistat, url, ".")
        assert PASSWORD not in library_frames(raised.value)


@in_postgres
async def test_an_error_of_roistat_is_in_the_status(live: Live) -> None:
    """`read_status` has the error, the numbers of the copy and of its last days."""
    await live.sync()
    live.fake.fail(LIST, Fault.error("access_denied"), times=9)
    with pytest.raises(Exception, match="access_denied"):
        await live.sync()
    status = read_status(str(live.path), days=3, now=lambda: moment(START))
    assert PASSWORD not in repr(status)
    (project,) = status.projects
    assert (project.calls, project.base_url) == (300, live.roistat.base_url)
    assert "access_denied" in str(project.last_error)
    assert status.size > 100_000
    served = [row["date"][:10] for row in live.fake.state.calls]
    assert [day.calls for day in project.days] == [
        served.count(f"{day.day}") for day in project.days
    ]
    assert sum(day.calls for day in project.days) > 50
