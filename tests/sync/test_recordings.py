"""Recordings of a copy, against a fake server and a real database."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from contextlib import suppress
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.files import stale_parts
from roistat_async.models.downloads import DownloadOutcome
from roistat_async.sync import recordings, sync_recordings
from roistat_async.sync.recordings_table import RETRY_DELAYS
from roistat_async.testing import Fault, mp3
from tests.helpers.part_files import failing
from tests.sync.archive import HOUR, NOON, SECOND, Archive, file_path
from tests.sync.databases import each_database

FILE = "call/*/file"


@each_database
async def test_recordings_are_downloaded(archive: Archive) -> None:
    """The path has the date of the call; the row has path, size and hash, the outcome the hash."""
    archive.fake.state.add_call(id="3", status="BUSY", date=NOON)
    await archive.add(1, 2)
    outcomes: list[DownloadOutcome] = []
    report = await archive.sync(progress=lambda outcome, *_: outcomes.append(outcome))
    body = mp3.recording("1", 5)
    assert archive.files() == [file_path(1), file_path(2)]
    assert archive.body(1) == body
    rows = archive.rows("call_id, state, path, size, sha256, tries")
    assert rows[0] == ("1", "saved", file_path(1), len(body), hashlib.sha256(body).hexdigest(), 1)
    assert [row[0] for row in rows] == ["1", "2"]
    assert {outcome.sha256 for outcome in outcomes} == {row[4] for row in rows}
    assert (report.project, report.saved, report.failed) == (archive.fake.project, 2, 0)
    assert report.size == sum(row[3] for row in rows)


async def test_paths_have_dates_of_a_time_zone(archive: Archive) -> None:
    """A new file lies by the dates of the zone; a file of an earlier run is not requested again."""
    await archive.add(1)
    await archive.sync()
    await archive.add(2)
    report = await archive.sync(tz=timezone(timedelta(hours=14)))
    assert archive.files() == [file_path(1), "2026/05/02/2.mp3"]
    assert report.saved == 1


@each_database
async def test_a_saved_recording_is_not_requested_again(archive: Archive) -> None:
    """Its file is not looked at either: it may have been moved, or be elsewhere."""
    await archive.add(1, 2)
    await archive.sync()
    archive.requested()
    archive.folder = archive.folder.rename(archive.folder.with_name("moved"))
    (archive.folder / file_path(2)).unlink()
    await archive.add(3)
    report = await archive.sync()
    assert (report.saved, report.adopted, report.failed, report.waiting) == (1, 0, 0, 0)
    assert (archive.requested(), archive.files()) == (["3"], [file_path(1), file_path(3)])


@each_database
async def test_a_missing_recording_is_requested_until_it_is_given_up(archive: Archive) -> None:
    """There are growing delays, until the call is as old as `wait_for`."""
    await archive.add(1, recording=b"")
    runs = [
        (timedelta(), ["1"], 1, 0),
        (RETRY_DELAYS[0] - SECOND, [], 0, 0),
        (SECOND, ["1"], 1, 0),
        (RETRY_DELAYS[1] - SECOND, [], 0, 0),
        (SECOND, ["1"], 1, 0),
        (80 * HOUR, ["1"], 0, 1),
        (timedelta(days=999), [], 0, 0),
    ]
    for pause, *expected in runs:
        archive.now += pause
        report = await archive.sync()
        assert [archive.requested(), report.waiting, report.given_up] == expected
    rows = archive.rows("state, tries, path, first_tried_at, last_tried_at")
    assert rows == [("given_up", 4, None, "2026-05-01T12:00:00Z", "2026-05-04T20:20:00Z")]


@each_database
async def test_wait_for_limits_the_attempts(archive: Archive) -> None:
    """A call older than that is tried once, a newer one until its recording is there."""
    await archive.add(1, 1801, recording=b"")
    report = await archive.sync(wait_for=timedelta(minutes=30))
    assert (report.given_up, report.waiting) == (1, 1)
    archive.fake.state.recordings["1801"] = mp3.recording("1801", 5)
    archive.now += RETRY_DELAYS[0]
    assert (await archive.sync()).saved == 1
    assert archive.rows("state, tries") == [("given_up", 1), ("saved", 2)]


AT_ONCE, SOON = timedelta(), RETRY_DELAYS[0]
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(2000)


@pytest.mark.parametrize(
    ("fault", "name", "delay"),
    [
        (Fault.html(), "ContentError", SOON),
        (Fault.garbage(b'{"status": "success", "data": []}'), "ContentError", SOON),
        (Fault.garbage(WAV, "audio/mpeg"), "ContentError", SOON),
        (Fault.error("resource_not_found"), "NotFoundError", SOON),
        (Fault.error("internal_error"), "ServerError", AT_ONCE),
        (Fault.truncated(100), "TruncatedError", AT_ONCE),
        (Fault.close_silently(), "TransportError", AT_ONCE),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
async def test_a_failed_recording_is_retried(
    archive: Archive, fault: Fault, name: str, delay: timedelta
) -> None:
    """It has no file, its row has the error, and the others are saved; a refusal has a delay."""
    await archive.add(1, 2, 3)
    archive.fake.fail(FILE, fault, when=lambda request: "/2/" in request.path)
    report = await archive.sync()
    assert (report.saved, report.failed) == (2, 1)
    assert [failure.call_id for failure in report.failures] == ["2"]
    assert type(report.failures[0].error).__name__ == name
    assert archive.files() == [file_path(1), file_path(3)]
    rows = archive.rows("state, path, problem")
    assert rows[1][:2] == ("failed", None)
    assert rows[1][2].startswith(f"{name}: ")
    archive.requested()
    archive.now += max(delay - SECOND, AT_ONCE)
    assert (await archive.sync()).saved == (0 if delay else 1)
    archive.now += SECOND
    await archive.sync()
    assert archive.requested() == ["2"]
    rows = archive.rows("state, tries, problem")
    assert rows == [("saved", tries, None) for tries in (1, 2, 1)]


REFUSALS = [Fault.html(), Fault.garbage(WAV, "audio/mpeg"), Fault.error("resource_not_found")]


@each_database
@pytest.mark.parametrize(
    ("pause", "age", "requests"),
    [(timedelta(0), HOUR, 36), (24 * HOUR, 365 * 24 * HOUR, 60), (HOUR, HOUR, 144)],
    ids=["runs at once", "old calls, daily runs", "new calls, hourly runs"],
)
async def test_d69_requests_end(
    archive: Archive, pause: timedelta, age: timedelta, requests: int
) -> None:
    """Six runs over 36 refused recordings do not request all each time; a report has ten."""
    await archive.add(*range(1, 37))
    for number, fault in enumerate(REFUSALS, 1):
        for call_id in range(number, 37, 3):
            archive.fake.fail(f"call/{call_id}/file", fault, times=9)
    archive.now = NOON - HOUR + age
    reports = []
    for _ in range(6):
        reports.append(await archive.sync())
        archive.now += pause
    assert (reports[0].failed + reports[0].given_up, len(reports[0].failures)) == (36, 10)
    assert len(archive.requested()) == requests
    states = {state for _, state in archive.rows()}
    assert states == ({"given_up"} if age > 72 * HOUR else {"failed"})


@each_database
async def test_d69_given_up_recordings_are_requested_on_demand(archive: Archive) -> None:
    """`retry_given_up` requests them once more, and saves what is there by then."""
    await archive.add(1, recording=b"")
    await archive.add(2)
    archive.now += 365 * 24 * HOUR
    archive.fake.fail(FILE, Fault.error("resource_not_found"), when=lambda seen: "/2/" in seen.path)
    await archive.sync()
    assert archive.rows("state, problem IS NULL") == [("given_up", 1), ("given_up", 0)]
    archive.requested()
    assert ((await archive.sync()).saved, archive.requested()) == (0, [])
    totals: list[int] = []
    report = await archive.sync(retry_given_up=True, progress=lambda *step: totals.append(step[-1]))
    assert (report.saved, report.given_up, totals) == (1, 1, [2, 2])
    assert archive.rows("state, tries") == [("given_up", 2), ("saved", 2)]


@each_database
async def test_d62_accepted_formats_are_archived(archive: Archive) -> None:
    """A server that sends WAV fills the archive, and a new database adopts all of its files."""
    await archive.add(1, 2, recording=WAV)
    await archive.add(3)
    assert (await archive.sync(accept=["wav"])).saved == 3
    paths = [file_path(1)[:-3] + "wav", file_path(2)[:-3] + "wav", file_path(3)]
    assert archive.files() == paths
    rows = archive.rows("path, state, size, sha256")
    assert [row[:2] for row in rows] == [(path, "saved") for path in paths]
    archive.requested()
    for table in ("calls", "recordings", "sync_state"):
        archive.database.query(f"DELETE FROM {table}")
    await archive.copy()
    report = await archive.sync(accept=["wav"])
    assert (report.adopted, report.size, archive.requested()) == (3, 0, [])
    assert archive.rows("path, state, size, sha256") == rows


async def test_d62_projects_do_not_share_a_file_of_an_accepted_format(archive: Archive) -> None:
    """A path is taken in each of its formats: the second call fails, and the file stays."""
    archive.fake.add_project(678)
    await archive.add(1, recording=WAV)
    await archive.add(1, project=678, recording=WAV + b"other")
    await archive.sync(accept=["wav"])
    report = await archive.sync(accept=["wav"], roistat=archive.roistat.for_project(678))
    assert "{project}" in str(report.failures[0].error)
    assert [path.read_bytes() for path in archive.folder.rglob("*.wav")] == [WAV]


FATAL = {
    "authentication_failed": errors.AuthenticationError,
    "access_denied": errors.AccessDeniedError,
    "project_frozen": errors.FeatureUnavailableError,
    "request_limit_error": errors.RateLimitError,
}


@pytest.mark.parametrize("code", FATAL)
async def test_a_fatal_error_ends_the_run(archive: Archive, code: str) -> None:
    """What was saved before has its row, and no other call counts as tried."""
    await archive.add(*range(1, 31))
    for number in range(1, 21):
        archive.fake.fail(f"call/{number}/file", Fault.error(code), times=9)
    with pytest.raises(FATAL[code]):
        await archive.sync(concurrency=2, retry_for=timedelta(0))
    assert len(archive.requested()) <= 14
    rows = archive.rows()
    assert {state for _, state in rows} == {"saved"}
    assert len(rows) == len(archive.files()) >= 9


async def test_a_disk_error_ends_the_run(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file would fail; what was saved before has its row."""
    await archive.add(*range(1, 31))
    write, space = os.write, iter(range(5))

    def fill_up(fd: int, data: bytes) -> int:
        return write(fd, data) if next(space, None) is not None else failing(errno.ENOSPC)()

    monkeypatch.setattr(os, "write", fill_up)
    with pytest.raises(errors.DownloadError, match="No space"):
        await archive.sync(concurrency=1)
    monkeypatch.undo()
    assert len(archive.requested()) < 10
    rows = archive.rows("path, state")
    assert sorted(rows) == [(path, "saved") for path in archive.files()] != []


async def test_an_outage_ends_the_run(archive: Archive) -> None:
    """Twenty failures in a row are an outage; the other calls are not tried."""
    await archive.add(*range(1, 101))
    archive.fake.fail(FILE, Fault.status(502), times=1000)
    with pytest.raises(errors.ServerError):
        await archive.sync(concurrency=2, retry_for=timedelta(0))
    assert 20 <= len(archive.requested()) <= 22
    assert {state for _, state in archive.rows()} == {"failed"}
    assert not archive.files()


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"status": "error"}', b"\0" * 5000])
async def test_a_file_that_is_not_a_recording_is_replaced(archive: Archive, content: bytes) -> None:
    """It is not adopted."""
    await archive.add(1)
    path = archive.put_file(1, content)
    report = await archive.sync()
    assert (report.adopted, report.saved) == (0, 1)
    assert path.read_bytes() == mp3.recording("1", 5)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "folder that is a link"])
async def test_only_a_regular_file_is_adopted(archive: Archive, kind: str, tmp_path: Path) -> None:
    """The call fails, and nothing is requested, followed or written outside of the folder."""
    await archive.add(1)
    path, other = archive.put_file(1, b""), tmp_path / "other"
    path.unlink()
    other.mkdir()
    (other / "9.mp3").write_bytes(mp3.recording("9", 5))
    if kind == "folder that is a link":
        path.parent.rmdir()
        path.parent.symlink_to(other)
    elif kind == "link":
        path.symlink_to(other / "9.mp3")
    else:
        (os.mkdir if kind == "folder" else os.mkfifo)(path)
    report = await archive.sync()
    assert (report.failed, archive.requested()) == (1, [])
    assert isinstance(report.failures[0].error, errors.ConfigurationError)
    assert [file.read_bytes() for file in other.iterdir()] == [mp3.recording("9", 5)]


@each_database
async def test_a_cancel_at_any_step_loses_nothing(archive: Archive) -> None:
    """Each file is complete and has its row, and later runs download the others."""
    await archive.add(*range(1, 6))
    steps, is_done = 0, False
    while not is_done:
        task = asyncio.create_task(archive.sync(concurrency=3))
        for _ in range(steps):
            await asyncio.sleep(0)
        steps += 557 if archive.database.is_postgres else 29  # it takes longer to connect
        is_done = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not [path for path in archive.files() if not path.endswith(".mp3")]
        rows = archive.rows("path, state")
        assert {state for _, state in rows} <= {"saved"}
        assert sorted(path for path, _ in rows) == archive.files()
    assert len(archive.rows()) == len(archive.files()) == 5
    assert all(archive.body(n) == mp3.recording(str(n), 5) for n in range(1, 6))


async def test_a_cancel_after_the_rename(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with its final name is saved, even if its folder was not synced yet."""
    await archive.add(1)
    task = asyncio.create_task(archive.sync())
    replace = os.replace

    def replace_and_cancel(part: Path, target: Path) -> None:
        replace(part, target)
        task.cancel()

    monkeypatch.setattr(os, "replace", replace_and_cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert archive.files() == [file_path(1)]
    assert archive.rows("path, state") == [(file_path(1), "saved")]


@each_database
@pytest.mark.parametrize("is_parallel", [True, False])
async def test_projects_never_overwrite_each_other(archive: Archive, is_parallel: bool) -> None:
    """The second call of a path fails, and the error says what to do."""
    archive.fake.add_project(678)
    await archive.add(1, 2)
    await archive.add(1, 3, project=678, recording=mp3.recording("678", 9))
    clients = [archive.roistat, archive.roistat.for_project(678)]
    target = archive.database.target()
    for roistat in clients:
        await target.open(roistat.project, archive.fake.base_url)
    runs = [sync_recordings(roistat, target, archive.folder) for roistat in clients]
    reports = await asyncio.gather(*runs) if is_parallel else [await run for run in runs]
    await target.close()
    assert [report.saved + report.failed for report in reports] == [2, 2]
    (failure,) = [failure for report in reports for failure in report.failures]
    assert "{project}" in str(failure.error)
    for project, path, digest in archive.rows("project, path, sha256"):
        if path is not None:
            body = (archive.folder / path).read_bytes()
            assert hashlib.sha256(body).hexdigest() == digest
            assert (body == mp3.recording("678", 9)) == (project == 678)


@each_database
async def test_limit_and_progress(archive: Archive) -> None:
    """The newest calls are first, the next run continues, and progress and report count them."""
    await archive.add(1, 2, 3)
    await archive.add(4, recording=b"")
    steps: list[tuple[str, int, int]] = []

    def record(outcome: DownloadOutcome, done: int, total: int) -> None:
        steps.append((str(outcome.status), done, total))

    report = await archive.sync(progress=record, limit=3, concurrency=1)
    assert (archive.requested(), report.remaining) == (["4", "3", "2"], 1)
    assert steps == [("missing", 1, 3), ("saved", 2, 3), ("saved", 3, 3)]
    report = await archive.sync(limit=3, concurrency=1)
    assert (archive.requested(), report.remaining) == (["1"], 0)


@each_database
async def test_memory_is_bounded(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are claimed and results are stored in batches, however many calls there are."""
    monkeypatch.setattr(recordings, "BATCH_SIZE", 5)
    monkeypatch.setattr(recordings, "ROWS_PER_WRITE", 4)
    claimed: list[int] = []
    unsaved: list[int] = []

    def count(_: DownloadOutcome, done: int, total: int) -> None:
        ((rows, saved),) = archive.database.query(
            "SELECT count(*), count(CASE WHEN state = 'saved' THEN 1 END) FROM recordings"
        )
        claimed.append(rows - saved)
        unsaved.append(done - saved)

    await archive.add(*range(1, 41))
    report = await archive.sync(concurrency=3, progress=count)
    assert report.saved == 40
    assert max(claimed) <= 5 + 5 + 4 + 3
    assert max(unsaved) <= 4 + 3
    assert archive.fake.peak_in_flight <= 3


@pytest.mark.parametrize(("limit", "expected"), [(1000, 2), (1, 4)])
async def test_a_folder_is_cleaned_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, limit: int, expected: int
) -> None:
    """A run remembers which folders it cleaned, up to a limit."""
    monkeypatch.setattr(stale_parts, "MAX_CLEANED_FOLDERS", limit)
    cleaned: list[Path] = []
    monkeypatch.setattr(stale_parts, "remove_stale_parts", cleaned.append)
    for number in range(4):  # newest first, the calls alternate between the folders of two hours
        date = NOON - timedelta(days=number // 2, hours=number % 2)
        archive.fake.state.add_call(id=f"1{number}", date=date, recording=mp3.recording("1", 5))
    await archive.copy()
    for hour in ("11", "12"):
        (archive.folder / hour).mkdir(parents=True)
    await archive.sync(concurrency=1, template="{hour}/{call_id}.mp3")
    assert len(cleaned) == expected


@each_database
async def test_an_invalid_id_fails_alone(archive: Archive) -> None:
    """Ids are data from outside: it is neither requested nor a path."""
    await archive.add(1)
    archive.database.add_call("../../x", "2026-05-01T12:00:00Z", project=archive.fake.project)
    report = await archive.sync()
    assert (report.saved, report.failed, archive.requested()) == (1, 1, ["1"])


@pytest.mark.parametrize(
    "options",
    [
        {"template": "../{call_id}.mp3"}, {"concurrency": 0}, {"limit": 0}, {"wait_for": 72},
        {"accept": "wav"},
    ],
)  # fmt: skip
async def test_invalid_arguments_are_refused(archive: Archive, options: dict[str, Any]) -> None:
    """ConfigurationError is raised before a folder or a database is created."""
    with pytest.raises(errors.ConfigurationError):
        await archive.sync(**options)
    assert not archive.folder.exists()
    assert not Path(archive.database.location).exists()


async def test_the_duration_is_never_negative(archive: Archive) -> None:
    """The clock may be set back during a run."""
    times = iter([NOON, NOON, NOON - HOUR])
    report = await archive.sync(now=lambda: next(times))
    assert report.seconds == 0
