"""Lines of JSON: each call once, and once more when it changed, whenever a run is killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async.errors import SyncError
from roistat_async.models.calls import Order, Source, Visit
from roistat_async.sync import state_file
from roistat_async.sync.ndjson import NdjsonTarget, StdoutTarget, encode_line
from roistat_async.sync.target import SyncState, WriteCounts

from .target_cases import (
    CALLER,
    PROJECT,
    START,
    URL,
    Killed,
    Life,
    call,
    copy,
    deaths,
    disk,
    events,
    run_until_done,
    sizes,
    state,
)

CALLS = [call(1, 1), call(2, 2), call(3, 2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.ndjson"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode().splitlines()]


def ids(path: Path) -> list[str]:
    return [row["id"] for row in rows(path)]


def test_a_line_has_the_fields_of_a_call() -> None:
    """By name, after the project; dates as text, nested parts as objects."""
    full = call(1, 1, tags=["a"], visit=Visit(id="5"), order=Order(id="6", revenue=1.5))
    row = json.loads(encode_line(PROJECT, full))
    assert list(row)[:4] == ["project", "id", "date", "status"]
    assert (row["project"], row["id"], row["status"]) == (123, "1", "ANSWER")
    assert datetime.fromisoformat(row["date"]) == full.date
    assert (row["visit"]["id"], row["order"]["revenue"]) == ("5", 1.5)
    assert row["tags"] == ["a"]
    assert row["static_source"] is None
    assert "extra" not in row


def test_fields_of_the_future_are_in_the_line() -> None:
    """What Roistat sends beyond the known fields stands in `extra`, where there is any."""
    assert json.loads(encode_line(PROJECT, call(1, extra={"new": 1})))["extra"] == {"new": 1}


def test_text_is_utf_8_and_stays_on_its_line() -> None:
    """Cyrillic as it is; what may end a line or steer a terminal is escaped, nested or not."""
    said = "Заявка\n\u2028\u202e\x9b\x1b\u0085"
    line = encode_line(PROJECT, call(1, comment=said, static_source=Source(display_name=said)))
    text = line.decode()
    assert "Заявка" in text
    assert len(text.splitlines()) == 1
    assert text.removesuffix("\n").isprintable()
    row = json.loads(text)
    assert row["comment"] == row["static_source"]["display_name"] == said


async def test_a_first_run_writes_every_call(path: Path) -> None:
    """In the order given, and says where it got to."""
    assert await copy(NdjsonTarget(path), CALLS, state(24)) == WriteCounts(added=3)
    assert ids(path) == ["1", "2", "3"]
    target = NdjsonTarget(path)
    assert await target.open(PROJECT, URL) == state(24)
    await target.close()


async def test_the_state_of_an_interrupted_run_is_kept(path: Path) -> None:
    """With each batch; its walk is gone on with."""
    target = NdjsonTarget(path)
    assert await target.open(PROJECT, URL) == SyncState()
    await target.write(PROJECT, CALLS, state(walk="here"))
    await target.close()
    assert await target.open(PROJECT, URL) == state(walk="here")
    await target.close()


async def test_only_what_changed_is_appended(path: Path) -> None:
    """A call read again is written again only if it is another; a run without news writes none."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    again = [CALLS[0], evolve(CALLS[1], comment="new"), CALLS[2], call(4, 3)]
    assert await copy(NdjsonTarget(path), again, state(25)) == WriteCounts(added=1, changed=1)
    assert ids(path) == ["1", "2", "3", "2", "4"]
    size = path.stat().st_size
    assert await copy(NdjsonTarget(path), again, state(26)) == WriteCounts()
    assert path.stat().st_size == size


async def test_a_change_back_is_a_change(path: Path) -> None:
    """The last line of a call is always the call."""
    for comment in ("a", "b", "a"):
        await copy(NdjsonTarget(path), [call(1, comment=comment)], state(24))
    assert [row["comment"] for row in rows(path)] == ["a", "b", "a"]


async def test_a_torn_end_is_cut_off(path: Path) -> None:
    """What a killed run wrote and did not confirm is gone when the file is opened."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    whole = path.read_bytes()
    path.write_bytes(whole + encode_line(PROJECT, call(4)) + b'{"project": 12')
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    assert path.read_bytes() == whole
    await target.close()


async def test_killed_between_data_and_bookmark(path: Path) -> None:
    """The calls of the batch are in the file, then gone, then there once."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_file, "save", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            await target.write(PROJECT, CALLS, state(walk="here"))
    await target.close()
    assert ids(path) == ["1", "2", "3"]
    assert await target.open(PROJECT, URL) == SyncState()
    assert await target.write(PROJECT, CALLS, state(walk="here")) == WriteCounts(added=3)
    await target.close()
    assert ids(path) == ["1", "2", "3"]


async def test_a_failed_write_can_be_repeated(path: Path) -> None:
    """Half a batch that a full disk left is no part of the file."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    with disk(dies_at=2), pytest.raises(Killed):  # 1 cuts, 2 writes
        await target.write(PROJECT, CALLS, state(walk="here"))
    assert path.stat().st_size > 0
    await target.write(PROJECT, CALLS, state(walk="here"))
    await target.close()
    assert ids(path) == ["1", "2", "3"]


async def test_a_cancelled_write_is_a_whole_one(path: Path) -> None:
    """File and bookmark agree after Ctrl-C too."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    task = asyncio.create_task(target.write(PROJECT, CALLS, state(walk="here")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await target.close()
    found = await target.open(PROJECT, URL)
    await target.close()
    assert (ids(path) if path.stat().st_size else []) in ([], ["1", "2", "3"])
    assert found == (state(walk="here") if path.stat().st_size else SyncState())


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: os.truncate(path, 10),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"x" * 10_000),
    ],
)
async def test_a_file_that_others_changed_is_refused(path: Path, harm: Any) -> None:
    """Shorter, gone or another one: nothing is cut, and the error says what to do."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    harm(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(SyncError, match=r"calls\.ndjson.*(backup|another path)"):
        await NdjsonTarget(path).open(PROJECT, URL)
    assert (path.read_bytes() if path.exists() else None) == before


async def test_a_file_without_a_bookmark_is_somebody_elses(path: Path) -> None:
    """It is not cut to nothing."""
    path.write_text("mine\n")
    with pytest.raises(SyncError, match=r"calls\.ndjson\.state\.json is missing; restore it"):
        await NdjsonTarget(path).open(PROJECT, URL)
    assert path.read_text() == "mine\n"


async def test_an_empty_file_is_a_beginning(path: Path) -> None:
    """As `mktemp` makes them."""
    path.touch()
    assert await copy(NdjsonTarget(path), CALLS, state(24)) == WriteCounts(added=3)


@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """Files are 0600 and made folders 0700, whatever the umask."""
    folder = tmp_path / "one" / "two"
    await copy(NdjsonTarget(folder / "calls.ndjson"), CALLS, state(24))
    modes = {stat.S_IMODE(place.stat().st_mode) for place in folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("x", path)])
async def test_only_a_regular_file_is_written(path: Path, make: Any) -> None:
    """Not a folder, a pipe or a link; and nothing is left open."""
    make(path)
    with pytest.raises(SyncError, match="not a regular file"):
        await NdjsonTarget(path).open(PROJECT, URL)
    assert [place.name for place in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("project", [PROJECT, PROJECT + 1])
async def test_one_sync_at_a_time(path: Path, project: int) -> None:
    """Another target for the same file is told so, until the first one closed."""
    first, second = NdjsonTarget(path), NdjsonTarget(path)
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program; wait"):
        await second.open(project, URL)
    await first.close()
    await second.open(project, URL)
    await second.close()


HOLD = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('has it'); input()"


def test_another_process_has_the_file(path: Path) -> None:
    """It is told so, and can go on when that one is killed."""
    command = [sys.executable, "-uc", HOLD, str(path.with_name("calls.ndjson.lock"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"has it\n"
        with pytest.raises(SyncError, match="another sync is writing to"):
            asyncio.run(copy(NdjsonTarget(path), CALLS, state(24)))
        other.kill()
    assert asyncio.run(copy(NdjsonTarget(path), CALLS, state(24))) == WriteCounts(added=3)


async def test_a_project_is_taken_once(path: Path) -> None:
    """Two syncs of one project through one target would mix their states."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced"):
        await target.open(PROJECT, URL)
    await target.close()


async def test_an_error_lets_others_have_the_file(path: Path) -> None:
    """A target that could not be opened holds nothing."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    with pytest.raises(SyncError, match="belongs to a copy of"):
        await NdjsonTarget(path).open(PROJECT, "https://other.example")
    assert await copy(NdjsonTarget(path), CALLS, state(25)) == WriteCounts()


async def test_a_second_server_is_refused_while_open(path: Path) -> None:
    """Also where the first project of this run opened the file already."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="belongs to a copy of"):
        await target.open(PROJECT + 1, "https://other.example")
    await target.close()


async def test_closed_targets_say_so(path: Path) -> None:
    """Closing twice is fine, writing afterwards is not."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    await target.close()
    await target.close()
    with pytest.raises(SyncError, match="not open"):
        await target.write(PROJECT, CALLS, state(1))


async def test_projects_share_a_file(path: Path) -> None:
    """At the same time, each with its state and its own calls of the same id."""
    target = NdjsonTarget(path)
    projects = range(1, 6)
    await asyncio.gather(*(target.open(project, URL) for project in projects))
    for number in range(4):
        one = [call(number, number)]
        await asyncio.gather(*(target.write(at, one, state(walk=f"{at}")) for at in projects))
    await asyncio.gather(*(target.finish(at, state(at)) for at in projects))
    await target.close()
    written = sorted((row["project"], row["id"]) for row in rows(path))
    assert written == [(at, str(number)) for at in projects for number in range(4)]
    assert [await target.open(at, URL) for at in projects] == [state(at) for at in projects]
    await target.close()


async def test_active_calls_are_remembered(path: Path) -> None:
    """Each date once and in order, until they were seen ended; also by the next process."""
    active = [call(2, 2, "ACTIVE"), call(3, 2, "ACTIVE"), call(4, 1, "ACTIVE"), call(5, 4)]
    await copy(NdjsonTarget(path), active, state(24))
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    dates = [one.date for one in active]
    assert await target.active(PROJECT) == [dates[2], dates[0]]
    await target.write(PROJECT, [call(4, 1)], state(24))
    assert await target.active(PROJECT) == [dates[0]]
    await target.close()


async def test_a_call_active_for_ever_is_given_up(path: Path) -> None:
    """After `keep` nobody asks for it, and it is not written again."""
    target = NdjsonTarget(path, keep=timedelta(hours=10))
    await copy(target, [call(1, 1, "ACTIVE")], state(12))
    await target.open(PROJECT, URL)
    assert await target.active(PROJECT) == []
    await target.close()


async def test_the_bookmark_stays_small(path: Path) -> None:
    """It remembers the calls of the last `keep`, in a first run over months and after it."""
    target = NdjsonTarget(path, keep=timedelta(hours=10))
    await target.open(PROJECT, URL)
    for number in range(200):
        await target.write(PROJECT, [call(number, number)], state(walk="here"))
        found = state_file.read(path.with_name("calls.ndjson.state.json"), URL)
        assert found is not None
        assert len(found.project(PROJECT).seen) <= 11
    await target.finish(PROJECT, state(300))
    await target.close()
    found = state_file.read(path.with_name("calls.ndjson.state.json"), URL)
    assert found is not None
    assert found.project(PROJECT).seen == {}


async def test_an_interrupted_reading_of_older_calls_repeats_none(path: Path) -> None:
    """What lies before the covered time is known until it is covered."""
    target = NdjsonTarget(path)
    covered = SyncState(covered_from=START, watermark=START + timedelta(hours=100))
    older = [call(number, number - 900) for number in range(3)]
    await copy(target, CALLS, covered)
    for _ in range(2):
        await target.open(PROJECT, URL)
        await target.write(PROJECT, older, covered)
        await target.close()
    assert ids(path) == ["1", "2", "3", "0", "1", "2"]


async def test_no_numbers_of_people_in_the_bookmark(path: Path) -> None:
    """Neither a caller nor a plain hash; the file beside it has them, of course."""
    await copy(NdjsonTarget(path), [call(1, 1, "ACTIVE")], state(2))
    assert CALLER in path.read_text()
    assert CALLER not in path.with_name("calls.ndjson.state.json").read_text()


def test_stdout_gives_every_call_each_time(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A pipe has no memory: each run begins anew."""

    async def run() -> list[Any]:
        target = StdoutTarget()
        found: list[Any] = [await target.open(PROJECT, URL), await target.active(PROJECT)]
        found.append(await target.write(PROJECT, CALLS, state(1)))
        found.append(await target.finish(PROJECT, state(2)))
        await target.close()
        return found

    for _ in range(2):
        assert asyncio.run(run()) == [SyncState(), (), WriteCounts(added=3), WriteCounts()]
        lines = capsysbinary.readouterr().out.splitlines()
        assert [json.loads(line)["id"] for line in lines] == ["1", "2", "3"]


async def test_a_reader_gets_each_batch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits in a buffer for the end of the run."""
    ours, theirs = os.pipe()
    with open(theirs, "w") as stdout, open(ours, "rb") as reader:
        monkeypatch.setattr(sys, "stdout", stdout)
        await StdoutTarget().write(PROJECT, CALLS, state(1))
        assert reader.readline() == encode_line(PROJECT, CALLS[0])


async def test_a_closed_pipe_is_no_sync_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`| head` is how people look: the command line ends quietly then."""

    class Closed(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(Closed()))  # type: ignore[type-var]
    with pytest.raises(BrokenPipeError):
        await StdoutTarget().write(PROJECT, CALLS, state(1))
    monkeypatch.undo()


@given(st.lists(st.floats(0, 90), max_size=12), sizes, deaths)
def test_every_call_once_however_it_is_killed(
    hours: list[float], by: list[int], dies: list[int]
) -> None:
    """Any history, cut into any batches, with a death at any step of the disk."""
    server = [call(number, hour) for number, hour in enumerate(hours)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.ndjson"
        now = START + timedelta(hours=96)
        asyncio.run(run_until_done(NdjsonTarget(path), server, dies, by, now))
        expected = sorted(server, key=lambda one: (one.date, one.id))
        assert ids(path) == [one.id for one in expected]


@settings(max_examples=50)
@given(st.lists(st.tuples(events, deaths, sizes), min_size=1, max_size=6))
def test_the_last_line_is_the_call(story: list[tuple[Any, list[int], list[int]]]) -> None:
    """Over many runs, each killed here and there: no call is lost and no line says nothing new."""
    life = Life()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.ndjson"
        for happens, dies, by in story:
            life.go_on(happens)
            server = [*life.calls.values()]
            asyncio.run(run_until_done(NdjsonTarget(path), server, dies, by, life.now))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    last = {row["id"]: row for row in lines}
    assert last == {name: json.loads(encode_line(PROJECT, one)) for name, one in life.calls.items()}
    assert len({json.dumps(row) for row in lines}) == len(lines)


def test_dates_of_other_zones_are_in_utc() -> None:
    """One moment has one spelling, so that it is no change."""
    there = evolve(CALLS[0], date=CALLS[0].date.astimezone(datetime.now().astimezone().tzinfo))
    assert encode_line(PROJECT, there) == encode_line(PROJECT, CALLS[0])
    assert json.loads(encode_line(PROJECT, there))["date"].endswith("Z")
    assert there.date.astimezone(UTC) == CALLS[0].date
