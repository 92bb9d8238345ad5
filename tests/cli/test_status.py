"""`roistat status`: what it shows, and that it only reads."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from roistat_async import errors
from roistat_async.sync import sqlite_connection
from roistat_async.sync.status import read_status
from roistat_async.testing import FakeRoistat, Fault

from .conftest import Roistat


@pytest.fixture
def copy(roistat: Roistat) -> str:
    """Return a database with all calls of the fake."""
    assert roistat("sync", "--to", "calls.db", "--since", "60d").code == 0
    return "calls.db"


def _change(path: str | Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def test_numbers(fake: FakeRoistat, roistat: Roistat, copy: str) -> None:
    """`status` prints a line of JSON for each project, with the numbers of the server."""
    ended = roistat("status", copy)
    (row,) = ended.rows
    statuses = [call["status"] for call in fake.state.calls]
    assert (row["project"], row["calls"], row["deleted"]) == (fake.project, 60, 0)
    assert row["active"] == statuses.count("ACTIVE") > 0
    assert (row["is_interrupted"], row["recordings"]) == (False, [])


def test_the_error_of_the_last_run(fake: FakeRoistat, roistat: Roistat, copy: str) -> None:
    """It is shown until a run is complete again, with what happens next."""
    fake.fail("*/call/list", Fault.error("access_denied"))
    assert roistat("sync", "--to", copy).code == 4
    assert "access_denied" in roistat("status", copy).rows[0]["last_error"]
    text = roistat("status", copy, "--table").out
    assert "failed 2" in text
    assert "the next run resumes there" in text
    roistat("sync", "--to", copy)
    assert roistat("status", copy).rows[0]["last_error"] is None


@pytest.mark.slow
def test_recordings(fake: FakeRoistat, roistat: Roistat, copy: str) -> None:
    """Recordings are counted by state; running or interrupted ones are no failures."""
    assert roistat("sync", "--to", copy, "--recordings", "mp3").code == 0
    _change(copy, "UPDATE recordings SET state = 'failed', tries = 0 WHERE state = 'missing'")
    (row,) = roistat("status", copy).rows
    assert {row["state"] for row in row["recordings"]} == {"saved", "unfinished"}
    (saved,) = [row for row in row["recordings"] if row["state"] == "saved"]
    assert saved["count"] == len(fake.state.recordings)
    assert saved["size"] == sum(map(len, fake.state.recordings.values()))
    assert " saved (" in roistat("status", copy, "--table").out


@pytest.mark.parametrize("tz", ["", "Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns"])
def test_days(tz: str, fake: FakeRoistat, roistat: Roistat, copy: str) -> None:
    """The last --days days are counted, answered and missed, in the time zone of --tz or in UTC."""
    zone, counts = ZoneInfo(tz or "UTC"), Counter[tuple[str, str]]()
    for call in fake.state.calls:
        day = str(datetime.fromisoformat(str(call["date"])).astimezone(zone).date())
        counts.update([(day, "calls"), (day, str(call["status"]))])
    (row,) = roistat("status", copy, "--days", "30", *(["--tz", tz] if tz else [])).rows
    days = row["days"]
    assert (len(days), days[-1]["day"]) == (30, str(datetime.now(zone).date()))
    for day in days:
        expected = (counts[day["day"], "calls"], counts[day["day"], "ANSWER"])
        assert (day["calls"], day["answered"]) == expected


@pytest.mark.parametrize(
    ("statement", "texts"),
    [
        ("SELECT 1", ["Sealed      20", " ago", "complete since 20", "█", "of http://127.0.0.1"]),
        ("UPDATE calls SET date = '2020-01-01T00:00:00Z'", ["No calls since"]),
        ("UPDATE sync_state SET walk = '{}'", ["has not finished"]),
        (
            "UPDATE sync_state SET watermark = NULL, last_finished_at = NULL",
            ["not yet: the first run has not finished", "and has not finished"],
        ),
        ("UPDATE sync_state SET base_url = char(27) || '[2J'", ["of <1B>[2J"]),
    ],
    ids=["sealed", "no calls", "interrupted", "unfinished first run", "escape character"],
)
def test_for_people(statement: str, texts: list[str], roistat: Roistat, copy: str) -> None:
    """On a terminal `status` shows how complete and old the copy is, and a bar for each day."""
    _change(copy, statement)
    ended = roistat("status", copy, "--table")
    assert ended.code == 0
    assert [text for text in texts if text not in ended.out] == []


def test_status_changes_no_file(roistat: Roistat, copy: str) -> None:
    """`status` changes and creates no file, not even those of SQLite beside a database."""
    _change(copy, "UPDATE sync_state SET walk = '{}'")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert roistat("status", copy).rows[0]["is_interrupted"] is True
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_status_during_a_sync(roistat: Roistat, copy: str) -> None:
    """During a sync `status` shows what is committed, without waiting."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("UPDATE calls SET deleted_at = '2026-01-01T00:00:00Z' WHERE rowid = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE calls SET deleted_at = '2026-01-01T00:00:00Z'")
        (row,) = roistat("status", copy).rows
        connection.execute("ROLLBACK")
    assert (row["calls"], row["deleted"]) == (59, 1)


def test_file_changed_while_it_is_read(copy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes while it is read without a lock is read again."""
    opened: list[bool] = []
    open_read_only = sqlite_connection.open_read_only

    def open_changed(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
        if not opened:
            _change(path, "DELETE FROM calls")
        opened.append(immutable)
        return open_read_only(path, immutable=immutable)

    monkeypatch.setattr(sqlite_connection, "open_read_only", open_changed)
    assert read_status(copy).projects[0].calls == 0
    assert len(opened) == 2


@pytest.mark.parametrize("content", ["other tables", "no database", "empty"])
def test_not_a_copy(content: str, roistat: Roistat) -> None:
    """A file that is no copy exits with 1, names its kind, and stays as it is."""
    path = Path("other.db")
    path.write_bytes(b"certainly not SQLite " * 500 if content == "no database" else b"")
    if content == "other tables":
        _change(path, "CREATE TABLE mine (x)")
    before = path.read_bytes()
    ended = roistat("status", "other.db")
    assert (ended.code, ended.out, path.read_bytes()) == (1, "", before)
    assert "other.db" in ended.err


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("PRAGMA user_version = 99", "upgrade"),
        ("UPDATE sync_state SET watermark = 'tomorrow'", "invalid values"),
    ],
)
def test_unreadable_copy(statement: str, text: str, roistat: Roistat, copy: str) -> None:
    """A newer copy, or an invalid date in a copy, exits with 1; the value is not shown."""
    _change(copy, statement)
    ended = roistat("status", copy)
    assert (ended.code, text in ended.err, "tomorrow" in ended.err) == (1, True, False), ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_is_not_waited_for() -> None:
    """A pipe is refused without opening it."""
    os.mkfifo("pipe.db")
    with pytest.raises(errors.SyncError, match="is not a file"):
        read_status("pipe.db")


def test_days_end_today(copy: str) -> None:
    """A call dated in the future belongs to no day of the chart."""
    later = datetime.now(UTC) + timedelta(days=3)
    _change(copy, f"UPDATE calls SET date = '{later:%Y-%m-%dT%H:%M:%SZ}'")
    days = read_status(copy, days=2).projects[0].days
    assert [day.calls for day in days] == [0, 0]
