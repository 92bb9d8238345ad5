"""`roistat status`: what it shows, and that it only looks."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.sync.status import read_status
from roistat_async.testing import FakeRoistat

from .conftest import Roistat


@pytest.fixture
def copy(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> Path:
    """Return a database with all calls of the fake."""
    path = tmp_path / "copy" / "calls.db"
    assert roistat("sync", "--to", str(path), "--since", "60d").code == 0
    return path


def _save_recordings(roistat: Roistat, copy: Path) -> None:
    folder = copy.parent.parent / "mp3"
    assert roistat("sync", "--to", str(copy), "--recordings", str(folder)).code == 0


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def _change(path: Path, statement: str) -> None:
    with _writing(path) as connection:
        connection.execute(statement)


def test_numbers(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A line of JSON for each project, with the numbers that the server has."""
    ended = roistat("status", str(copy))
    (row,) = ended.rows
    statuses = [call["status"] for call in fake.state.calls]
    assert (row["project"], row["calls"], row["deleted"]) == (fake.project, 60, 0)
    assert row["active"] == statuses.count("ACTIVE") > 0
    assert (row["is_interrupted"], row["recordings"]) == (False, [])


def test_recordings(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """Are counted by state; one under way, or cut short by a kill, is no failure."""
    _save_recordings(roistat, copy)
    _change(copy, "UPDATE recordings SET state = 'failed', tries = 0 WHERE state = 'missing'")
    (row,) = roistat("status", str(copy)).rows
    assert {one["state"] for one in row["recordings"]} == {"saved", "unfinished"}
    (saved,) = [one for one in row["recordings"] if one["state"] == "saved"]
    assert saved["count"] == len(fake.state.recordings)
    assert saved["size"] == sum(map(len, fake.state.recordings.values()))
    assert " saved (" in roistat("status", str(copy), "--table").out


def test_days(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """The last --days days are counted one by one, answered and missed."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    (row,) = roistat("status", str(copy), "--days", "3").rows
    calls = [call for call in fake.state.calls if str(call["date"]).startswith(today)]
    assert len(row["days"]) == 3
    last = row["days"][-1]
    assert (last["day"], last["calls"]) == (today, len(calls))
    assert last["answered"] == sum(call["status"] == "ANSWER" for call in calls)


@pytest.mark.parametrize("tz", ["Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns"])
def test_days_are_those_of_a_zone(tz: str, fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A call belongs to the day that the clocks of --tz show."""
    from zoneinfo import ZoneInfo

    (row,) = roistat("status", str(copy), "--days", "30", "--tz", tz).rows
    dates = [datetime.fromisoformat(str(call["date"])) for call in fake.state.calls]
    days = [str(date.astimezone(ZoneInfo(tz)).date()) for date in dates]
    assert {one["day"]: one["calls"] for one in row["days"] if one["calls"]} == {
        day: days.count(day) for day in days
    }


def test_for_people(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """On a terminal: when it was sealed, how long ago, and a bar for each day."""
    ended = roistat("status", str(copy), "--table")
    assert ended.code == 0
    assert f"Project {fake.project} of http://127.0.0.1" in ended.out
    assert "Sealed      20" in ended.out
    assert "seconds ago" in ended.out or "minutes ago" in ended.out
    assert "complete since 20" in ended.out
    assert "█" in ended.out


def test_no_chart_without_calls(roistat: Roistat, copy: Path) -> None:
    """Days without a call are told in a line."""
    _change(copy, "UPDATE calls SET date = '2020-01-01T00:00:00Z'")
    assert "No calls since" in roistat("status", str(copy), "--table").out


def test_interrupted_walk_is_told(roistat: Roistat, copy: Path) -> None:
    """A walk that did not end is shown as such."""
    _change(copy, "UPDATE sync_state SET walk = '{}'")
    assert roistat("status", str(copy)).rows[0]["is_interrupted"] is True
    assert "has not finished" in roistat("status", str(copy), "--table").out


def test_nothing_is_made_or_changed(roistat: Roistat, copy: Path) -> None:
    """Not even the files that SQLite keeps beside an open database."""
    before = {path.name: path.read_bytes() for path in copy.parent.iterdir()}
    assert roistat("status", str(copy)).code == 0
    assert {path.name: path.read_bytes() for path in copy.parent.iterdir()} == before


def test_while_somebody_writes(roistat: Roistat, copy: Path) -> None:
    """What was committed is seen, what is being written is not, and nobody waits."""
    with _writing(copy) as connection:
        connection.execute("UPDATE calls SET deleted_at = '2026-01-01T00:00:00Z' WHERE rowid = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE calls SET deleted_at = '2026-01-01T00:00:00Z'")
        (row,) = roistat("status", str(copy)).rows
        connection.execute("ROLLBACK")
    assert (row["calls"], row["deleted"]) == (59, 1)


def test_written_between_two_looks(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes while it is read without a lock is read again."""
    from roistat_async.sync import sqlite_connection

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


def test_missing_file(roistat: Roistat, tmp_path: Path) -> None:
    """2, and none is made."""
    ended = roistat("status", str(tmp_path / "none.db"))
    assert (ended.code, ended.out, list(tmp_path.iterdir())) == (2, "", [])
    assert "does not exist" in ended.err


@pytest.mark.parametrize("content", ["other tables", "no database", "empty"])
def test_not_a_copy(content: str, roistat: Roistat, tmp_path: Path) -> None:
    """1, with what it is, and it stays as it was."""
    path = tmp_path / "other.db"
    path.write_bytes(b"certainly not SQLite " * 500 if content == "no database" else b"")
    if content == "other tables":
        _change(path, "CREATE TABLE mine (x)")
    before = path.read_bytes()
    ended = roistat("status", str(path))
    assert (ended.code, ended.out, path.read_bytes()) == (1, "", before)
    assert str(path) in ended.err


def test_newer_copy(roistat: Roistat, copy: Path) -> None:
    """1, and to upgrade."""
    _change(copy, "PRAGMA user_version = 99")
    ended = roistat("status", str(copy))
    assert ended.code == 1
    assert "upgrade" in ended.err


def test_a_date_that_is_none(roistat: Roistat, copy: Path) -> None:
    """1 and no traceback; what stands there is not shown."""
    _change(copy, "UPDATE sync_state SET watermark = 'tomorrow'")
    ended = roistat("status", str(copy))
    assert ended.code == 1
    assert "tomorrow" not in ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """What is no file is refused without opening it."""
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(errors.SyncError, match="is not a file"):
        read_status(tmp_path / "pipe.db")


def test_first_run_that_never_ended(roistat: Roistat, copy: Path) -> None:
    """Nothing is sealed yet, and it is said."""
    _change(copy, "UPDATE sync_state SET watermark = NULL, last_finished_at = NULL")
    shown = roistat("status", str(copy), "--table").out
    assert "not yet: the first run has not finished" in shown
    assert "and has not finished" in shown


def test_text_cannot_steer_the_terminal(roistat: Roistat, copy: Path) -> None:
    """An address with an escape in it is shown, not obeyed."""
    _change(copy, "UPDATE sync_state SET base_url = char(27) || '[2J'")
    assert "\x1b" not in roistat("status", str(copy), "--table").out


def test_days_end_today(copy: Path) -> None:
    """A call dated in the future belongs to no day that is shown."""
    later = datetime.now(UTC) + timedelta(days=3)
    _change(copy, f"UPDATE calls SET date = '{later:%Y-%m-%dT%H:%M:%SZ}'")
    days = read_status(copy, days=2).projects[0].days
    assert [day.calls for day in days] == [0, 0]
