"""`roistat sync`: what it copies, prints and returns."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roistat_async.cli import sync_runner
from roistat_async.cli.sync_report import ProjectResult
from roistat_async.errors import RateLimitError, TransportError
from roistat_async.sync import SyncWait, process_lock
from roistat_async.sync.patience import OnWait
from roistat_async.sync.status import read_calls, read_status
from roistat_async.testing import FakeRoistat, Fault, RecordedRequest

from .conftest import WRONG_KEY, Roistat

_COPY = Path("copy", "calls.db")
_OTHER = 678
_LOST = TransportError("the connection was lost")
_ALL = ("--since", "60d")
_LATELY = ("--since", "8h")
_MP3 = ("--recordings", "mp3")
_WATCH = ("--watch", "0s")
_BOTH = ("--project", "12345", "--project", "678")
_FIELDS = {
    "project", "start", "sealed_until", "calls", "added", "changed", "deleted", "requests",
    "bad_records", "unreadable", "duplicate_rows", "odd_values", "future_watermark", "seconds",
}  # fmt: skip


@pytest.fixture
def sync(roistat: Roistat) -> Roistat:
    """Run `roistat sync` with a database that does not exist at first."""
    return lambda *arguments, **environ: roistat("sync", "--to", str(_COPY), *arguments, **environ)


def _ids(project: int) -> set[str]:
    return set(read_calls(_COPY, project, ["date"]))


def test_runs(fake: FakeRoistat, sync: Roistat) -> None:
    """The first run needs --since and creates the copy; a second one writes what changed."""
    refused = sync()
    assert (refused.code, refused.out, "needs since" in refused.err) == (2, "", True)
    assert fake.requests == []
    ended = sync(*_ALL)
    assert (ended.code, ended.err) == (0, "")
    assert _ids(fake.project) == set(fake.state.calls.ids())
    (row,) = ended.rows
    assert set(row) == _FIELDS
    assert (row["project"], row["calls"], row["added"]) == (fake.project, 60, 60)
    assert sync().rows[0]["added"] == sync().rows[0]["changed"] == 0
    new = fake.state.add_call()
    fake.state.edit_call(fake.state.calls.ids()[-2], comment="said something")
    (row,) = sync().rows
    assert (row["added"], row["changed"]) == (1, 1)
    assert new["id"] in _ids(fake.project)


def test_day_of_a_zone(sync: Roistat) -> None:
    """--since is a day in the time zone of --tz."""
    (row,) = sync("--since", "2026-05-01", "--tz", "Europe/Moscow").rows
    assert row["start"] == "2026-04-30T21:00:00Z"


def test_two_projects(fake: FakeRoistat, sync: Roistat) -> None:
    """Each has a line of JSON and is copied once, into one database and folders of their own."""
    other = fake.add_project(_OTHER, calls=20)
    ended = sync(*_ALL, *_BOTH, *_BOTH, *_MP3)
    rows = [(row["project"], row["added"]) for row in ended.rows]
    assert (ended.code, rows) == (0, [(fake.project, 60), (_OTHER, 20)])
    assert _ids(_OTHER) == set(other.calls.ids())
    for project in (fake.project, _OTHER):  # they share call ids
        saved = {path.stem: path.read_bytes() for path in Path("mp3", f"{project}").rglob("*.mp3")}
        assert saved == fake.projects[project].recordings


def test_one_project_refused(fake: FakeRoistat, sync: Roistat) -> None:
    """One refused project exits with 3 and is named; the other project is copied."""
    ended = sync(*_ALL, *_BOTH)
    assert (ended.code, f"project {_OTHER}: " in ended.err) == (3, True)
    assert len(_ids(fake.project)) == 60
    (failed,) = [row for row in ended.rows if row["project"] == _OTHER]
    assert failed["error"]["type"] == "AccessDeniedError"


def test_all_projects_refused(sync: Roistat) -> None:
    """A wrong key exits with 4, is reported once for all projects, and is not shown."""
    ended = sync(*_ALL, *_BOTH, **WRONG_KEY)
    assert (ended.code, ended.err.count("ROISTAT_API_KEY"), "f" * 32 in ended.err) == (4, 1, False)


def test_recordings(fake: FakeRoistat, sync: Roistat) -> None:
    """Recordings are saved by date, once; failed ones are named and exit with 3."""
    bad = list(fake.state.recordings)[-1]
    fake.state.recordings[bad] = b"this is no audio. " * 100
    ended = sync(*_ALL, *_MP3)
    saved = {path.stem: path.read_bytes() for path in Path("mp3").glob("*/*/*/*.mp3")}
    assert saved == {name: body for name, body in fake.state.recordings.items() if name != bad}
    counts = ended.rows[0]["recordings"]
    assert (ended.code, counts["saved"], counts["waiting"] > 0) == (3, len(saved), True)
    assert [failure["call_id"] for failure in counts["failures"]] == [bad]
    fake.requests.clear()
    assert sync(*_MP3).rows[0]["recordings"]["saved"] == 0
    assert all(bad in request.path for request in fake.requests if request.path.endswith("/file"))


def test_paths_in_a_time_zone(fake: FakeRoistat, sync: Roistat) -> None:
    """--recordings-template sets the paths of the files, with dates in the zone of --tz."""
    template = ("--recordings-template", "{year}-{month}-{day} {hour}/{call_id}.mp3")
    sync(*_LATELY, *_MP3, *template, "--tz", "Asia/Vladivostok")
    dates = {row["id"]: datetime.fromisoformat(row["date"]) for row in fake.state.calls}
    saved = list(Path("mp3").glob("*/*.mp3"))
    assert saved
    for path in saved:
        local = dates[path.stem].astimezone(ZoneInfo("Asia/Vladivostok"))
        assert path.parent.name == f"{local:%Y-%m-%d %H}"


def test_calls_on_stdout(fake: FakeRoistat, roistat: Roistat) -> None:
    """--to - writes the calls as NDJSON; the summary goes to stderr."""
    ended = roistat("sync", "--to", "-", *_ALL)
    assert (ended.code, "60 added" in ended.err) == (0, True)
    assert [row["id"] for row in ended.rows] == fake.state.calls.ids()


def test_summary_for_people(fake: FakeRoistat, sync: Roistat) -> None:
    """--table prints in a few lines what was done and up to when the copy is complete."""
    out = sync(*_LATELY, "--table", *_MP3).out
    texts = (f"Project {fake.project}: ", " added, 0 changed", "complete up to 20", "recordings: ")
    assert [text for text in texts if text not in out] == []


def test_full_run(fake: FakeRoistat, sync: Roistat) -> None:
    """--full needs no earlier run; it marks deleted calls, of all of the copy or of a period."""
    assert sync(*_ALL, "--full").rows[0]["added"] == 60
    assert sync().rows[0]["added"] == 0
    deleted = fake.state.calls.ids()[10]
    fake.state.delete_call(deleted)
    (row,) = sync("--full").rows
    assert (row["calls"], row["deleted"]) == (59, 1)
    assert deleted not in _ids(fake.project)
    (project,) = read_status(_COPY).projects
    assert (project.calls, project.deleted) == (59, 1)
    day = str(fake.state.calls[30]["date"])[:10]
    assert 0 < sync("--full", "--period", f"{day}..{day}").rows[0]["calls"] < 59


def test_a_period_is_copied_alone(fake: FakeRoistat, sync: Roistat) -> None:
    """--period without --full copies the calls of the period."""
    day = str(fake.state.calls[30]["date"])[:10]
    (row,) = sync("--period", f"{day}..{day}").rows
    assert row["added"] == sum(str(call["date"])[:10] == day for call in fake.state.calls)


@pytest.mark.parametrize("to", ["copy/calls.db", "calls.ndjson", "calls.parquet"])
def test_skipped_records_end_with_3(to: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """An unreadable call stops no other; `status` shows it until a run can read it.

    Each target stores its state: a later run needs no --since.
    """
    call_id = fake.state.calls.ids()[-1]
    spoil = Fault.rewrite(lambda body: body.replace(f'"id":"{call_id}",'.encode(), b'"id":{},'))
    is_bad = True
    fake.fail("*/call/list", spoil, times=1000, when=lambda _: is_bad)
    ended = roistat("sync", "--to", to, *_ALL)
    (row,) = ended.rows
    assert (ended.code, row["added"], row["bad_records"]) == (3, 59, 1)
    status = roistat("status", to, "--table")
    assert (status.code, "1 call; each run reads them again" in status.out) == (3, True)
    assert " at .id" in roistat("sync", "--to", to, "--table").out
    is_bad = False
    assert roistat("sync", "--to", to).rows[0]["added"] == 1
    status = roistat("status", to)
    (row,) = status.rows
    assert (status.code, row["project"], row["bad_records"]) == (0, fake.project, [])
    assert row["is_interrupted"] is False
    assert roistat("sync", "--to", to).rows[0]["added"] == 0
    assert roistat("status", ".").code == 1  # no copy


def _revoke_after(requests: int, fake: FakeRoistat) -> None:
    """Revoke the key after some requests, which ends a watch."""

    def query(_: RecordedRequest) -> None:
        if len(fake.requests) > requests:
            fake.api_key = "0" * 31 + "1"

    fake.on_request = query


def test_watch_runs_again(fake: FakeRoistat, sync: Roistat) -> None:
    """--watch prints a summary after each run, a failed one too; a refused key ends it with 4."""
    fake.fail("*/call/list", Fault.error("option_not_enabled"), times=1)
    _revoke_after(12, fake)
    ended = sync(*_ALL, *_WATCH)
    assert (ended.code, "option_not_enabled" in ended.err) == (4, True)
    assert [row.get("added") for row in ended.rows[:3]] == [None, 60, 0]
    assert ended.rows[-1]["error"]["type"] == "AuthenticationError"


def test_watch_outlives_what_may_pass(fake: FakeRoistat, sync: Roistat) -> None:
    """Once a run has worked, a refusal by a firewall does not end it, and a lock never does."""
    fake.fail("*/call/list", Fault.error("access_denied"), when=lambda _: len(fake.requests) == 8)
    _COPY.parent.mkdir()
    unlock = process_lock.acquire(_COPY, fake.project)
    Timer(0.5, unlock).start()
    _revoke_after(16, fake)
    ended = sync(*_ALL, *_WATCH)
    assert "already being synced" in ended.err
    kinds = [row["error"]["type"] for row in ended.rows if "error" in row]
    assert kinds[0] == "SyncError"
    assert kinds[-2:] == ["AccessDeniedError", "AuthenticationError"]


def test_wait_for_another_run(
    fake: FakeRoistat, sync: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--wait begins when another run has ended; without it the exit code is 1."""
    monkeypatch.setattr(sync_runner, "_WAIT_SECONDS", 0.05)
    _COPY.parent.mkdir()
    unlock = process_lock.acquire(_COPY, fake.project)
    refused = sync(*_ALL)
    assert (refused.code, "already being synced" in refused.err) == (1, True)
    Timer(0.5, unlock).start()
    ended = sync(*_ALL, "--wait")
    assert (ended.code, ended.rows[0]["added"]) == (0, 60)
    assert ended.err.count("--wait: this run begins when that one has ended") == 1


def test_watch_ends_if_the_first_run_is_refused(fake: FakeRoistat, sync: Roistat) -> None:
    """Rights that are missing from the start are a wrong setting."""
    fake.fail("*/call/list", Fault.error("access_denied"), times=9)
    assert sync(*_ALL, *_WATCH).code == 4


def test_the_next_run_waits_as_long_as_roistat_asks() -> None:
    """A pause of a day is not answered by a request every few seconds."""
    limit = RateLimitError("request_limit_error", retry_after=86_400)
    results = [ProjectResult(1, error=limit), ProjectResult(2)]
    assert sync_runner.seconds_to_next_run(timedelta(seconds=2), results) == 86_400
    assert sync_runner.seconds_to_next_run(timedelta(seconds=2), results[1:]) == 2


@pytest.mark.parametrize(
    ("path", "function", "code"),
    [("*/call/list", "sync_with_options", 1), ("*/call/*/file", "sync_recordings", 3)],
    ids=["calls", "recordings"],
)
def test_waits_are_told_on_stderr(
    path: str,
    function: str,
    code: int,
    fake: FakeRoistat,
    sync: Roistat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They say why and how long; --retry-for 0s switches them off."""
    options = (*_ALL, "--recordings", "mp3")
    fake.fail(path, Fault.retry_after("121"))  # longer than a request waits by itself
    assert sync(*options, "--retry-for", "0s").code == code
    limit = RateLimitError("request_limit_error", retry_after=40)
    waits = [SyncWait(project=fake.project, error=error, seconds=40) for error in (limit, _LOST)]

    waiting = getattr(sync_runner, function)

    async def waits_first(*arguments: Any, on_wait: OnWait, **options: Any) -> Any:
        for wait in waits:
            on_wait(wait)
        return await waiting(*arguments, **options)

    monkeypatch.setattr(sync_runner, function, waits_first)
    first, second = sync(*options).err.splitlines()
    assert first.endswith(f"{fake.project}: the request limit is used up; next request in 40 s")
    assert second.endswith("the connection was lost; next attempt in 40 s")


async def test_a_bug_in_one_project_ends_all() -> None:
    """An unexpected exception is raised as it is, and no task keeps running."""

    async def breaks() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await sync_runner._gather([asyncio.sleep(60), breaks()])
    assert len(asyncio.all_tasks()) == 1
