"""`roistat sync`: what it copies, prints and returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from roistat_async.cli import sync_runner
from roistat_async.sync.status import ProjectStatus, read_calls, read_status
from roistat_async.testing import FakeRoistat, Fault, RecordedRequest

from .conftest import Ended, Roistat

_OTHER = 678
_FIELDS = {
    "project", "start", "sealed_until", "calls", "added", "changed", "deleted", "requests",
    "bad_records", "seconds",
}  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the path of a database that does not exist yet."""
    return tmp_path / "copy" / "calls.db"


def _ids(copy: Path, project: int) -> set[str]:
    return set(read_calls(copy, project, ["date"]))


def _status(copy: Path) -> ProjectStatus:
    (project,) = read_status(copy).projects
    return project


def _first(roistat: Roistat, copy: Path, *arguments: str) -> Ended:
    return roistat("sync", "--to", str(copy), "--since", "60d", *arguments)


def _lately(roistat: Roistat, copy: Path, *arguments: str) -> Ended:
    # Ten requests a second are the limit: a few recordings are enough.
    return roistat("sync", "--to", str(copy), "--since", "8h", *arguments)


def _files(fake: FakeRoistat) -> list[RecordedRequest]:
    return [seen for seen in fake.requests if seen.path.endswith("/file")]


def _both(fake: FakeRoistat) -> tuple[str, ...]:
    return ("--project", str(fake.project), "--project", str(_OTHER))


def test_first_run_copies_all(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """The first run creates the database with its folder; in a pipe the report is JSON."""
    ended = _first(roistat, copy)
    assert (ended.code, ended.err) == (0, "")
    assert _ids(copy, fake.project) == set(fake.state.calls.ids())
    (row,) = ended.rows
    assert set(row) == _FIELDS
    assert (row["project"], row["calls"], row["added"]) == (fake.project, 60, 60)


def test_first_run_needs_since(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A first run without --since exits with 2, names the option, and sends nothing."""
    ended = roistat("sync", "--to", str(copy))
    assert (ended.code, ended.out, fake.requests) == (2, "", [])
    assert "--since" in ended.err


def test_second_run_writes_nothing(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A second run without changes writes nothing and needs no --since."""
    _first(roistat, copy)
    (row,) = roistat("sync", "--to", str(copy)).rows
    assert (row["added"], row["changed"]) == (0, 0)
    assert row["calls"] > 0


def test_second_run_copies_changes(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A second run writes new and changed calls and no others."""
    _first(roistat, copy)
    new = fake.state.add_call()
    fake.state.edit_call(fake.state.calls.ids()[-2], comment="said something")
    (row,) = roistat("sync", "--to", str(copy)).rows
    assert (row["added"], row["changed"]) == (1, 1)
    assert new["id"] in _ids(copy, fake.project)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "calls.xyz", "--since", "30d"),
        ("--to", "calls.db", "--since", "yesterday"),
        ("--to", "calls.db", "--since", "2999-01-01"),
        ("--to", "calls.db", "--since", "30d", "--lookback", "a day"),
        ("--to", "calls.db", "--since", "30d", "--extend", "visits"),
        ("--to", "calls.db", "--since", "30d", "--page-size", "0"),
        ("--to", "calls.db", "--since", "30d", "--project", "mine"),
        ("--to", "calls.db", "--since", "30d", "--project", "1", "--project", "mine"),
        ("--to", "calls.db", "--since", "30d", "--tz", "Moscow"),
        ("--to", "calls.db", "--since", "30d", "--watch", "often"),
        ("--to", "calls.db", "--period", "2026-05-01..2026-05-02"),
        ("--to", "calls.db", "--full"),
        ("--to", "calls.db", "--full", "--since", "30d", "--watch", "1h"),
        ("--to", "calls.ndjson", "--full", "--since", "30d"),
        ("--to", "calls.ndjson", "--since", "30d", "--recordings", "mp3"),
        ("--to", "-", "--since", "30d", "--recordings", "mp3"),
        ("--to", "-", "--since", "30d", "--watch", "15m"),
        ("--to", "calls.db", "--since", "30d", "--recordings-template", "{call_id}.mp3"),
        (
            "--to",
            "calls.db",
            "--since",
            "30d",
            "--recordings",
            "x",
            "--recordings-template",
            "../x",
        ),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...],
    fake: FakeRoistat,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wrong usage exits with 2; nothing is sent, created, or printed on stdout."""
    monkeypatch.chdir(tmp_path)
    ended = roistat("sync", *arguments)
    assert (ended.code, ended.out, fake.requests) == (2, "", [])
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in ended.err


def test_day_of_a_zone(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--since is a day in the time zone of --tz."""
    arguments = ("--since", "2026-05-01", "--tz", "Europe/Moscow")
    (row,) = roistat("sync", "--to", str(copy), *arguments).rows
    assert row["start"] == "2026-05-01T00:00:00+03:00"


def test_two_projects(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """Two projects share one database and have a line of JSON each."""
    other = fake.add_project(_OTHER, calls=20)
    ended = _first(roistat, copy, *_both(fake))
    assert ended.code == 0
    assert {row["project"]: row["added"] for row in ended.rows} == {fake.project: 60, _OTHER: 20}
    assert _ids(copy, _OTHER) == set(other.calls.ids())


def test_project_named_twice_is_copied_once(
    fake: FakeRoistat, roistat: Roistat, copy: Path
) -> None:
    """A repeated --project is copied once."""
    same = ("--project", str(fake.project))
    assert len(_first(roistat, copy, *same, *same).rows) == 1


def test_one_project_refused(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """One refused project exits with 3 and is named; the other project is copied."""
    ended = _first(roistat, copy, *_both(fake))
    assert ended.code == 3
    assert f"project {_OTHER}: " in ended.err
    assert len(_ids(copy, fake.project)) == 60
    (failed,) = [row for row in ended.rows if row["project"] == _OTHER]
    assert failed["error"]["type"] == "AccessDeniedError"


def test_all_projects_refused(
    fake: FakeRoistat, roistat: Roistat, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key exits with 4, is reported once for all projects, and is not shown."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    ended = _first(roistat, copy, *_both(fake))
    assert ended.code == 4
    assert ended.err.count("ROISTAT_API_KEY") == 1
    assert "f" * 32 not in ended.err


def test_all_projects_failed_otherwise(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """Another error of Roistat for all projects exits with 1."""
    fake.fail("*/call/list", Fault.error("option_not_enabled"), times=9)
    ended = _first(roistat, copy)
    assert ended.code == 1
    assert "option_not_enabled" in ended.err


def test_busy_database(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A database in use by another sync exits with 1 and says so."""
    fcntl = pytest.importorskip("fcntl")
    _first(roistat, copy)
    with copy.with_name("calls.db.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = roistat("sync", "--to", str(copy))
    assert ended.code == 1
    assert "another sync" in ended.err


def test_foreign_database(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """A foreign database exits with 1, stays as it is, and nothing is sent."""
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = foreign.read_bytes()
    ended = _first(roistat, foreign)
    assert (ended.code, fake.requests, foreign.read_bytes()) == (1, [], before)
    assert "another program" in ended.err


def test_recordings(fake: FakeRoistat, roistat: Roistat, copy: Path, tmp_path: Path) -> None:
    """The recordings of answered calls are saved by date and counted in the JSON."""
    folder = tmp_path / "mp3"
    ended = _first(roistat, copy, "--recordings", str(folder))
    assert ended.code == 0
    saved = {path.stem: path.read_bytes() for path in folder.glob("*/*/*/*.mp3")}
    assert saved == dict(fake.state.recordings)
    assert ended.rows[0]["recordings"]["saved"] == len(saved)
    assert ended.rows[0]["recordings"]["waiting"] > 0


def test_second_run_asks_for_no_recording(
    fake: FakeRoistat, roistat: Roistat, copy: Path, tmp_path: Path
) -> None:
    """A complete archive costs no request."""
    arguments = ("--recordings", str(tmp_path / "mp3"))
    _lately(roistat, copy, *arguments)
    before = len(_files(fake))
    (row,) = roistat("sync", "--to", str(copy), *arguments).rows
    assert (row["recordings"]["saved"], len(_files(fake))) == (0, before)


def test_some_recordings_failed(
    fake: FakeRoistat, roistat: Roistat, copy: Path, tmp_path: Path
) -> None:
    """Failed recordings exit with 3 and are named; the calls and the other files are saved."""
    bad = list(fake.state.recordings)[-1]
    fake.state.recordings[bad] = b"this is no audio. " * 100
    ended = _lately(roistat, copy, "--recordings", str(tmp_path / "mp3"))
    assert ended.code == 3
    (failure,) = ended.rows[0]["recordings"]["failures"]
    assert failure["call_id"] == bad
    assert ended.rows[0]["recordings"]["saved"] > 0


def test_recordings_of_two_projects_are_separate(
    fake: FakeRoistat, roistat: Roistat, copy: Path, tmp_path: Path
) -> None:
    """Projects share call ids; none overwrites the file of another."""
    fake.add_project(_OTHER, calls=20)
    folder = tmp_path / "mp3"
    assert _lately(roistat, copy, *_both(fake), "--recordings", str(folder)).code == 0
    assert {path.name for path in folder.iterdir()} == {str(fake.project), str(_OTHER)}


def test_template(fake: FakeRoistat, roistat: Roistat, copy: Path, tmp_path: Path) -> None:
    """--recordings-template sets the paths of the files."""
    arguments = (
        "--recordings",
        str(tmp_path / "mp3"),
        "--recordings-template",
        "{year}/{call_id}.mp3",
    )
    _lately(roistat, copy, *arguments)
    saved = {path.stem for path in (tmp_path / "mp3").glob("*/*.mp3")}
    assert saved
    assert saved <= set(fake.state.recordings)


def test_calls_on_stdout(fake: FakeRoistat, roistat: Roistat) -> None:
    """--to - writes the calls as NDJSON; the summary goes to stderr."""
    ended = roistat("sync", "--to", "-", "--since", "60d")
    assert ended.code == 0
    assert [row["id"] for row in ended.rows] == fake.state.calls.ids()
    assert "60 added" in ended.err


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.parquet"])
def test_other_targets(name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """File targets store their state: a second run adds nothing and needs no --since."""
    arguments = ("sync", "--to", str(tmp_path / name))
    assert roistat(*arguments, "--since", "60d").rows[0]["added"] == 60
    assert roistat(*arguments).rows[0]["added"] == 0


def test_summary_for_people(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--table prints in a few lines what was done and up to when the copy is complete."""
    ended = _lately(roistat, copy, "--table", "--recordings", str(copy.parent / "mp3"))
    assert f"Project {fake.project}: " in ended.out
    assert " added, 0 changed" in ended.out
    assert "complete up to 20" in ended.out
    assert "recordings: " in ended.out


def test_full_run_marks_deleted_calls(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--full reads all of the copy; a call deleted in Roistat is marked, not removed."""
    _first(roistat, copy)
    deleted = fake.state.calls.ids()[10]
    fake.state.delete_call(deleted)
    (row,) = roistat("sync", "--to", str(copy), "--full").rows
    assert (row["calls"], row["deleted"]) == (59, 1)
    assert deleted not in _ids(copy, fake.project)
    assert (_status(copy).calls, _status(copy).deleted) == (59, 1)


def test_full_run_first(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """With --since, --full needs no earlier run, and the next run resumes after it."""
    assert _first(roistat, copy, "--full").rows[0]["added"] == 60
    assert roistat("sync", "--to", str(copy)).rows[0]["added"] == 0


def test_full_run_of_a_period(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--period sets what --full reads."""
    _first(roistat, copy)
    day = str(fake.state.calls[30]["date"])[:10]
    (row,) = roistat("sync", "--to", str(copy), "--full", "--period", f"{day}..{day}").rows
    assert 0 < row["calls"] < 60


def test_skipped_records_end_with_3(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--on-bad-record skip copies the others and reports the number of skipped calls."""
    fake.state.edit_call(fake.state.calls.ids()[5], duration="long")
    ended = _first(roistat, copy, "--on-bad-record", "skip")
    assert (ended.code, ended.rows[0]["bad_records"]) == (3, 1)
    assert len(_ids(copy, fake.project)) == 59


def test_watch_continues_after_a_failure(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """A run that Roistat refuses is reported, and the next one runs all the same."""
    fake.fail("*/call/list", Fault.error("option_not_enabled"), times=1)

    def has_ended() -> bool:
        return copy.exists() and _status(copy).last_finished_at is not None

    ended = _watch_until(fake, has_ended, roistat, copy)
    assert "option_not_enabled" in ended.err
    assert "error" in ended.rows[0]
    assert any("error" not in row for row in ended.rows)


def test_watch_runs_again(fake: FakeRoistat, roistat: Roistat, copy: Path) -> None:
    """--watch prints a summary after each run, and a refused key ends it with 4."""
    ended = _watch_until(fake, lambda: len(fake.requests) > 12, roistat, copy)
    assert ended.code == 4
    assert [row.get("added") for row in ended.rows[:2]] == [60, 0]
    assert ended.rows[-1]["error"]["type"] == "AuthenticationError"


def _watch_until(
    fake: FakeRoistat, is_enough: Callable[[], bool], roistat: Roistat, copy: Path
) -> Ended:
    """Watch without pauses until a condition holds; then revoke the key."""

    def query(seen: RecordedRequest) -> None:
        if is_enough():
            fake.api_key = "0" * 31 + "1"

    fake.on_request = query
    return _first(roistat, copy, "--watch", "0s")


async def test_a_bug_in_one_project_ends_all() -> None:
    """An unexpected exception is raised as it is, and no task keeps running."""
    import asyncio

    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("the other")

    async def breaks() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await sync_runner._gather([waits(), breaks()])
    assert ended == ["the other"]
