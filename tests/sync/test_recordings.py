"""The recordings of a copy, against a fake Roistat and a real database."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from roistat_async import Roistat, errors
from roistat_async.models.downloads import DownloadOutcome
from roistat_async.sync import (
    RecordingsReport,
    SyncState,
    recordings,
    recordings_table,
    sync_recordings,
)
from roistat_async.sync.recordings_table import RETRY_DELAYS
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.testing import FakeRoistat, Fault, Quirks, mp3
from tests.helpers.clients import client

FILE = "call/*/file"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ADD = """
INSERT INTO calls (project, id, date, status, content_hash, first_seen_at, changed_at)
VALUES (?, ?, ?, ?, '', '', '')
"""


@define
class World:
    """A fake Roistat, a copy of its calls, a folder, and a clock that is set by hand."""

    fake: FakeRoistat
    roistat: Roistat
    database: Path
    folder: Path
    now: datetime = NOON

    async def sync(self, **options: Any) -> RecordingsReport:
        given: dict[str, Any] = {"now": lambda: self.now, **options}
        roistat = given.pop("roistat", self.roistat)
        return await sync_recordings(roistat, self.database, self.folder, **given)

    async def copy(self, project: int | None = None) -> None:
        """Put the server's calls into the database."""
        number = project or self.fake.project
        calls = [
            (number, row["id"], _utc(row["date"]), row["status"])
            for row in self.fake.projects[number].calls
        ]
        await self.ask(lambda connection: connection.executemany(ADD, calls))

    async def ask(self, act: Callable[[SqlConnection], Any]) -> Any:
        target = SqliteTarget(self.database)
        try:
            await target.open(99, self.fake.base_url)
            return await target.transaction(act)
        finally:
            await target.close()

    async def rows(self, columns: str = "call_id, state") -> list[Any]:
        question = f"SELECT {columns} FROM recordings ORDER BY project, call_id"
        rows = await self.ask(lambda connection: connection.execute(question).fetchall())
        return list(rows)

    def add(self, *ids: int, recording: bytes | None = None, project: int | None = None) -> None:
        """Add calls, one a second, the later one with the greater id."""
        for number in ids:
            self.fake.projects[project or self.fake.project].add_call(
                id=str(number),
                date=NOON - timedelta(hours=1) + number * SECOND,
                recording=mp3.recording(str(number), 5) if recording is None else recording,
            )

    def files(self) -> list[str]:
        """Name every file below the folder, part files too."""
        found = [path for path in self.folder.rglob("*") if not path.is_dir()]
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def asked(self) -> list[str]:
        """Give the ids that were asked for, and forget them."""
        ids = [seen.path.split("/")[-2] for seen in self.fake.requests]
        self.fake.requests.clear()
        return ids


def _utc(date: str) -> str:
    return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give a Roistat without calls, and an empty copy of it."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with (
        FakeRoistat(calls=0, quirks=quirks) as fake,
        client(fake.base_url, api_key=fake.api_key) as roistat,
    ):
        yield World(fake, roistat, tmp_path / "calls.db", tmp_path / "archive")


def place(number: int) -> str:
    return f"2026/05/01/{number}.mp3"


async def test_what_is_missing_is_downloaded(world: World) -> None:
    """Whole, by the date of the call; the manifest knows size, hash and relative path."""
    world.add(1, 2)
    world.fake.state.add_call(id="3", status="BUSY", date=NOON)
    await world.copy()
    report = await world.sync()
    body = mp3.recording("1", 5)
    assert world.files() == [place(1), place(2)]
    assert (world.folder / place(1)).read_bytes() == body
    rows = await world.rows("call_id, state, path, size, sha256, tries")
    assert rows[0] == ("1", "saved", place(1), len(body), hashlib.sha256(body).hexdigest(), 1)
    assert [row[0] for row in rows] == ["1", "2"]
    assert (report.project, report.saved, report.failed) == (world.fake.project, 2, 0)
    assert report.size == sum(row[3] for row in rows)


async def test_a_second_run_asks_for_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request, and no look at the files: they may be on a slow disk, or away."""
    world.add(1, 2, 3)
    await world.copy()
    await world.sync()
    world.asked()
    (world.folder / place(2)).unlink()
    report = await world.sync()
    assert world.asked() == []
    assert (report.saved, report.adopted, report.failed, report.waiting) == (0, 0, 0, 0)


async def test_an_archive_can_be_moved(world: World) -> None:
    """Paths are relative, so folder and database go on elsewhere."""
    world.add(1)
    await world.copy()
    await world.sync()
    world.asked()
    world.folder = world.folder.rename(world.folder.with_name("moved"))
    world.add(2)
    await world.ask(lambda connection: connection.execute("DELETE FROM calls"))
    await world.copy()
    await world.sync()
    assert (world.asked(), world.files()) == (["2"], [place(1), place(2)])


async def test_only_the_owner_may_enter(world: World) -> None:
    """Folders 0700, files 0600, whatever the umask."""
    world.add(1)
    await world.copy()
    old = os.umask(0)
    try:
        await world.sync()
    finally:
        os.umask(old)
    paths = [world.folder, *world.folder.rglob("*")]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
    assert modes == [0o700] * 4 + [0o600]


async def test_no_recording_yet_is_asked_again_and_then_left(world: World) -> None:
    """After growing pauses, until the call is as old as `wait_for`; in between no request."""
    world.add(1, recording=b"")
    await world.copy()
    report = await world.sync()
    assert (world.asked(), report.waiting, report.given_up) == (["1"], 1, 0)
    world.now += RETRY_DELAYS[0] - SECOND
    await world.sync()
    assert world.asked() == []
    world.now += SECOND
    await world.sync()
    assert world.asked() == ["1"]
    world.now += timedelta(hours=80)
    report = await world.sync()
    assert (world.asked(), report.waiting, report.given_up) == (["1"], 0, 1)
    world.now += timedelta(days=999)
    await world.sync()
    assert world.asked() == []
    assert await world.rows("call_id, state, tries, path") == [("1", "given_up", 3, None)]


async def test_a_recording_that_comes_late_is_saved(world: World) -> None:
    """That is what the pauses are for."""
    world.add(1, recording=b"")
    await world.copy()
    await world.sync()
    world.fake.state.recordings["1"] = mp3.recording("1", 5)
    world.now += RETRY_DELAYS[0]
    report = await world.sync()
    assert (report.saved, world.files()) == (1, [place(1)])
    assert await world.rows("state, tries") == [("saved", 2)]


async def test_how_long_to_wait_can_be_set(world: World) -> None:
    """A call older than that is asked once."""
    world.add(1, recording=b"")
    await world.copy()
    report = await world.sync(wait_for=timedelta(minutes=30))
    assert (report.given_up, report.waiting) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.html(), "ContentError"),
        (Fault.garbage(b'{"status": "success", "data": []}'), "ContentError"),
        (Fault.garbage(b"RIFF....WAVE", "audio/mpeg"), "ContentError"),
        (Fault.error("internal_error"), "ServerError"),
        (Fault.truncated(100), "TruncatedError"),
        (Fault.close_silently(), "TransportError"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
async def test_what_is_no_recording_is_no_file(world: World, fault: Fault, name: str) -> None:
    """It failed, with its error; the others are saved, and the next run saves it."""
    world.add(1, 2, 3)
    await world.copy()
    world.fake.fail(FILE, fault, when=lambda seen: "/2/" in seen.path)
    report = await world.sync()
    assert (report.saved, report.failed) == (2, 1)
    assert [one.call_id for one in report.failures] == ["2"]
    assert type(report.failures[0].error).__name__ == name
    assert world.files() == [place(1), place(3)]
    rows = await world.rows("state, path, problem")
    assert rows[1][:2] == ("failed", None)
    assert rows[1][2].startswith(f"{name}: ")
    world.asked()
    assert (await world.sync()).saved == 1
    assert world.asked() == ["2"]
    assert await world.rows("state, tries") == [("saved", 1), ("saved", 2), ("saved", 1)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("authentication_failed", errors.AuthenticationError),
        ("access_denied", errors.AccessDeniedError),
        ("project_frozen", errors.FeatureUnavailableError),
        ("request_limit_error", errors.RateLimitError),
    ],
)
async def test_what_all_would_meet_ends_the_run(
    world: World, code: str, kind: type[Exception]
) -> None:
    """With that error; what was saved before is noted, and no call is noted as tried."""
    world.add(*range(1, 31))
    await world.copy()
    refused = [str(number) for number in range(1, 21)]
    world.fake.fail(
        FILE, Fault.error(code), times=99, when=lambda seen: seen.path.split("/")[-2] in refused
    )
    with pytest.raises(kind):
        await world.sync(concurrency=2)
    assert len(world.asked()) <= 14
    rows = await world.rows()
    assert {row[1] for row in rows} == {"saved"}
    assert len(rows) == len(world.files()) >= 9


async def test_a_disk_that_says_no_ends_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would say so to every file; what was saved before is noted."""
    world.add(*range(1, 31))
    await world.copy()
    real, written = os.write, []

    def full(fd: int, data: bytes) -> int:
        written.append(fd)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(errors.DownloadError, match="No space"):
            await world.sync(concurrency=1)
    assert len(world.asked()) < 10
    rows = await world.rows("path, state")
    assert sorted(rows) == [(name, "saved") for name in world.files()]
    assert rows


async def test_a_file_without_a_row_is_adopted(world: World) -> None:
    """Killed between rename and note: no request, size and hash from the disk."""
    world.add(1, 2)
    await world.copy()
    body = mp3.recording("1", 5)
    (world.folder / place(1)).parent.mkdir(parents=True)
    (world.folder / place(1)).write_bytes(body)
    project, places = world.fake.project, [("1", place(1))]
    await world.ask(lambda connection: recordings_table.claim(connection, project, places, NOON))
    report = await world.sync()
    assert (world.asked(), report.adopted, report.saved) == (["2"], 1, 1)
    rows = await world.rows("state, size, sha256")
    assert rows[0] == ("saved", len(body), hashlib.sha256(body).hexdigest())


async def test_a_lost_database_costs_no_download(world: World) -> None:
    """An archive is taken over by a new copy as it is."""
    world.add(*range(1, 9))
    await world.copy()
    await world.sync()
    before = await world.rows("call_id, path, size, sha256")
    world.asked()
    world.database = world.database.with_name("new.db")
    await world.copy()
    report = await world.sync()
    assert (world.asked(), report.adopted, report.size) == ([], 8, 0)
    assert await world.rows("call_id, path, size, sha256") == before


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"status": "error"}', b"\0" * 5000])
async def test_a_file_that_is_no_recording_is_replaced(world: World, content: bytes) -> None:
    """Whoever put it there, the recording is downloaded over it."""
    world.add(1)
    await world.copy()
    (world.folder / place(1)).parent.mkdir(parents=True)
    (world.folder / place(1)).write_bytes(content)
    report = await world.sync()
    assert (report.adopted, report.saved) == (0, 1)
    assert (world.folder / place(1)).read_bytes() == mp3.recording("1", 5)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
async def test_what_is_no_file_is_left(world: World, kind: str, tmp_path: Path) -> None:
    """Neither adopted, followed nor replaced: the call failed, the others did not."""
    world.add(1, 2)
    await world.copy()
    there = world.folder / place(1)
    there.parent.mkdir(parents=True)
    (tmp_path / "other.mp3").write_bytes(mp3.recording("9", 5))
    {
        "link": lambda: there.symlink_to(tmp_path / "other.mp3"),
        "folder": lambda: there.mkdir(),
        "pipe": lambda: os.mkfifo(there),
    }[kind]()
    report = await world.sync()
    assert (report.saved, report.failed) == (1, 1)
    assert isinstance(report.failures[0].error, errors.ConfigurationError)
    assert (tmp_path / "other.mp3").read_bytes() == mp3.recording("9", 5)


async def test_a_link_out_of_the_folder_is_not_followed(world: World, tmp_path: Path) -> None:
    """A year that is a link elsewhere: nothing is written there, and no request is made."""
    world.add(1)
    await world.copy()
    world.folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (world.folder / "2026").symlink_to(tmp_path / "elsewhere")
    report = await world.sync()
    assert (report.failed, world.asked()) == (1, [])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(("age", "files"), [(25, 1), (23, 2)], ids=["25 h", "23 h"])
async def test_f5_stale_parts_are_removed(world: World, age: int, files: int) -> None:
    """A part file of a killed run goes after 24 hours, when its folder is used again."""
    world.add(1)
    await world.copy()
    part = world.folder / Path(place(1)).parent / ".1.mp3.0123456789ab.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    written_at = time.time() - age * 3600
    os.utime(part, (written_at, written_at))
    await world.sync()
    assert len(world.files()) == files


async def test_a_cancel_leaves_nothing_half(world: World) -> None:
    """Ctrl-C: no part file, what was saved is noted, what was not reached is as before."""
    world.add(*range(1, 21))
    await world.copy()
    gate, held = asyncio.Event(), {"11", "12", "13"}
    world.fake.fail(
        FILE, Fault.wait_for(gate), times=3, when=lambda seen: seen.path.split("/")[-2] in held
    )
    seen: list[str] = []
    task = asyncio.create_task(
        world.sync(concurrency=3, progress=lambda outcome, *_: seen.append(outcome.call_id))
    )
    async with asyncio.timeout(20):
        while len(seen) < 7 or world.fake.in_flight < 3:
            await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert world.files() == sorted(place(number) for number in range(14, 21))
    assert sorted(await world.rows("path, state")) == [(name, "saved") for name in world.files()]
    assert (await world.sync()).saved == 13


async def test_a_cancel_at_any_moment_loses_nothing(world: World) -> None:
    """Every file is whole and has its row, or is adopted; the next run completes the rest."""
    world.add(*range(1, 13))
    await world.copy()
    turns, is_done = 0, False
    while not is_done:
        task = asyncio.create_task(world.sync(concurrency=3))
        for _ in range(turns):
            await asyncio.sleep(0)
        turns += 7
        is_done = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not [name for name in world.files() if not name.endswith(".mp3")]
        rows = await world.rows("path, state")
        assert {state for _, state in rows} <= {"saved"}
        assert sorted(path for path, _ in rows) == world.files()
    assert len(await world.rows()) == len(world.files()) == 12
    for number in range(1, 13):
        assert (world.folder / place(number)).read_bytes() == mp3.recording(str(number), 5)


async def test_a_cancel_after_the_rename_is_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has its name is saved, also where the cancel came before its folder was synced."""
    world.add(1)
    await world.copy()
    task = asyncio.create_task(world.sync())
    real = os.replace

    def replace(part: Path, target: Path) -> None:
        real(part, target)
        task.cancel()

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.files() == [place(1)]
    assert await world.rows("path, state") == [(place(1), "saved")]


async def test_a_mistake_in_a_callback_comes_out(world: World) -> None:
    """After what was saved is noted."""
    world.add(1, 2, 3)
    await world.copy()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await world.sync(progress=broken)
    rows = await world.rows("path")
    assert sorted(path for (path,) in rows) == world.files() != []


@pytest.mark.parametrize("is_together", [True, False])
async def test_two_projects_do_not_overwrite_each_other(world: World, is_together: bool) -> None:
    """The same call id in one folder: the second is a failure that says what to do."""
    world.fake.add_project(678)
    world.add(1, 2)
    world.add(1, 3, project=678, recording=mp3.recording("678", 9))
    await world.copy()
    await world.copy(678)
    other = world.roistat.for_project(678)
    target = SqliteTarget(world.database)
    for roistat in (world.roistat, other):
        await target.open(roistat.project, world.fake.base_url)
    runs = [sync_recordings(one, target, world.folder) for one in (world.roistat, other)]
    if is_together:
        reports = await asyncio.gather(*runs)
    else:
        reports = [await run for run in runs]
    await target.close()
    assert [report.saved + report.failed for report in reports] == [2, 2]
    assert sum(report.failed for report in reports) == 1
    (failure,) = [one for report in reports for one in report.failures]
    assert "{project}" in str(failure.error)
    for project, path, digest in await world.rows("project, path, sha256"):
        if path is not None:
            body = (world.folder / path).read_bytes()
            assert hashlib.sha256(body).hexdigest() == digest
            assert (body == mp3.recording("678", 9)) == (project == 678)


async def test_a_template_keeps_projects_apart(world: World) -> None:
    """With {project} both are saved; `for_project` clients work at the same time."""
    world.fake.add_project(678)
    world.add(1)
    world.add(1, project=678)
    await world.copy()
    await world.copy(678)
    other = world.roistat.for_project(678)
    for roistat in (world.roistat, other):
        report = await world.sync(
            roistat=roistat, template="{project}/{year}-{month}/{call_id}.mp3"
        )
        assert (report.saved, report.failed) == (1, 0)
    assert world.files() == [f"{world.fake.project}/2026-05/1.mp3", "678/2026-05/1.mp3"]


async def test_the_newest_come_first_and_no_more_than_asked_for(world: World) -> None:
    """`limit` bounds the calls that are tried in this run; the next one goes on."""
    world.add(*range(1, 8))
    await world.copy()
    await world.sync(limit=3, concurrency=1)
    assert world.asked() == ["7", "6", "5"]
    await world.sync(limit=3, concurrency=1)
    assert world.asked() == ["4", "3", "2"]


async def test_progress_is_told(world: World) -> None:
    """Each outcome, how many are done and how many there are."""
    world.add(1, 2, 3)
    world.add(4, recording=b"")
    await world.copy()
    told: list[tuple[str, int, int]] = []

    def tell(outcome: DownloadOutcome, done: int, total: int) -> None:
        told.append((str(outcome.status), done, total))

    await world.sync(progress=tell, limit=3, concurrency=1)
    assert told == [("missing", 1, 3), ("saved", 2, 3), ("saved", 3, 3)]


async def test_memory_is_bounded_by_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are claimed and results are stored in batches, however many calls there are."""
    monkeypatch.setattr(recordings, "BATCH_SIZE", 5)
    monkeypatch.setattr(recordings, "ROWS_PER_WRITE", 4)
    claimed: list[int] = []
    unsaved: list[int] = []

    def count(_: DownloadOutcome, done: int, total: int) -> None:
        statement = "SELECT count(*), sum(state = 'saved') FROM recordings"
        with closing(sqlite3.connect(world.database)) as connection:
            rows, saved = connection.execute(statement).fetchone()
        claimed.append(rows - saved)
        unsaved.append(done - saved)

    world.add(*range(1, 41))
    await world.copy()
    report = await world.sync(concurrency=3, progress=count)
    assert report.saved == 40
    assert max(claimed) <= 5 + 5 + 4 + 3
    assert max(unsaved) <= 4 + 3
    assert world.fake.peak_in_flight <= 3


@pytest.mark.parametrize(("limit", "expected"), [(1000, 2), (1, 4)])
async def test_a_folder_is_cleaned_once(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int, expected: int
) -> None:
    """A run remembers which folders it cleaned, up to a limit."""
    monkeypatch.setattr(recordings, "MAX_CLEANED_FOLDERS", limit)
    cleaned: list[Path] = []
    monkeypatch.setattr(recordings, "remove_stale_parts", cleaned.append)
    world.add(1, 2, 3, 4)
    await world.copy()
    # Newest first, the calls alternate between the folders of two hours.
    date = "'2026-05-0' || ((id + 1) / 2) || 'T1' || (1 + id % 2) || ':00:00Z'"
    await world.ask(lambda connection: connection.execute(f"UPDATE calls SET date = {date}"))
    for hour in ("11", "12"):
        (world.folder / hour).mkdir(parents=True)
    await world.sync(concurrency=1, template="{hour}/{call_id}.mp3")
    assert len(cleaned) == expected


async def test_an_outage_ends_the_run(world: World) -> None:
    """Twenty lost in a row are an outage, not twenty bad recordings: the rest is left for later."""
    world.add(*range(1, 101))
    await world.copy()
    world.fake.fail(FILE, Fault.status(502), times=1000)
    with pytest.raises(errors.ServerError):
        await world.sync(concurrency=2)
    assert 20 <= len(world.asked()) <= 22
    assert {state for _, state in await world.rows()} == {"failed"}
    assert not world.files()


async def test_only_the_first_failures_are_told(world: World) -> None:
    """The report stays short; the manifest has them all."""
    world.add(*range(1, 31))
    await world.copy()
    world.fake.fail(FILE, Fault.html(), times=99)
    report = await world.sync()
    assert (report.failed, len(report.failures)) == (30, 10)
    assert len(await world.rows()) == 30


async def test_a_call_whose_id_is_none_fails_alone(world: World) -> None:
    """Ids are data from outside: no request, no file, a clear problem."""
    world.add(1)
    await world.copy()
    odd = (world.fake.project, "../../x", "2026-05-01T12:00:00Z", "ANSWER")
    await world.ask(lambda connection: connection.executemany(ADD, [odd]))
    report = await world.sync()
    assert (report.saved, report.failed, world.asked()) == (1, 1, ["1"])


async def test_an_open_target_stays_open(world: World) -> None:
    """It belongs to the caller, who may sync more with it."""
    world.add(1)
    await world.copy()
    target = SqliteTarget(world.database)
    assert isinstance(await target.open(world.fake.project, world.fake.base_url), SyncState)
    report = await sync_recordings(world.roistat, target, world.folder)
    question = "SELECT count(*) FROM recordings"
    found = await target.transaction(lambda connection: connection.execute(question).fetchone())
    await target.close()
    assert (report.saved, found) == (1, (1,))


@pytest.mark.parametrize(
    "options",
    [
        {"template": "../{call_id}.mp3"},
        {"concurrency": 0},
        {"limit": 0},
        {"wait_for": 72},
    ],
)
async def test_arguments_are_checked_first(world: World, options: dict[str, Any]) -> None:
    """Before a folder or a database is made."""
    with pytest.raises(errors.ConfigurationError):
        await world.sync(**options)
    assert not world.folder.exists()
    assert not world.database.exists()


async def test_a_file_in_place_of_the_folder_is_named(world: World) -> None:
    """Before any request."""
    world.folder.write_text("")
    with pytest.raises(errors.DownloadError, match="archive"):
        await world.sync()


async def test_seconds_are_of_the_clock(world: World) -> None:
    """A clock that was set back gives no negative time."""
    moments = iter([NOON, NOON, NOON - timedelta(hours=1)])
    report = await world.sync(now=lambda: next(moments))
    assert report.seconds == 0
