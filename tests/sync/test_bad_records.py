"""Records that cannot be read: they stop no other, and are read again until they can be read."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from roistat_async import Period, errors
from roistat_async.models.page import BadRecord
from roistat_async.sync import NotedRecord, SyncProgress, open_target
from roistat_async.sync.bad_records import note, readable_again
from roistat_async.testing import Fault
from tests.sync.databases import KINDS, Location, location
from tests.sync.live import DAY, LIST, NOON, Live, living, moment

UNREADABLE = '{"secret": 1}'
FIRST, SECOND, THIRD = (moment(NOON) + timedelta(seconds=seconds) for seconds in (0, 1, 60))


@define
class Copy:
    """A server that sends some records in a form that nobody can read, and a copy of it."""

    live: Live
    bad: dict[str, str] = field(factory=dict)
    """What to replace in a response, and by what."""

    def spoil(self, index: int, name: str) -> str:
        """Make the id or the date of a call unreadable; return its id."""
        call_id = str(self.live.fake.state.calls[index]["id"])
        record = f'("id":"{call_id}","callee".*?"date":)"[^"]*"'
        pattern = record if name == "date" else f'("id":)"{call_id}"(?=,"callee")'
        self.bad[pattern] = rf"\1{UNREADABLE}"
        return call_id

    def rewrite(self, body: bytes) -> bytes:
        text = body.decode()
        for pattern, value in self.bad.items():
            text = re.sub(pattern, value, text, count=1, flags=re.S)
        return text.encode()

    async def noted(self) -> list[NotedRecord]:
        """Return the notes of the copy."""
        target = open_target(self.live.path)
        try:
            await target.open(self.live.fake.project, self.live.roistat.base_url)
            return [*await target.bad_records(self.live.fake.project)]
        finally:
            await target.close()

    def copied_ids(self) -> set[str]:
        """Return the ids of the copied calls."""
        path = Path(self.live.path)
        if path.suffix not in (".ndjson", ".parquet"):
            return set(self.live.copied_ids())
        if path.suffix == ".ndjson":
            return {json.loads(line)["id"] for line in path.read_text().splitlines()}
        dataset = pytest.importorskip("pyarrow.dataset")
        return set(dataset.dataset(path, partitioning="hive").to_table()["id"].to_pylist())

    def served_ids(self) -> set[str]:
        """Return the ids of the calls of the server."""
        return set(self.live.fake.state.calls.ids())


@pytest.fixture(params=["db", "postgres", "ndjson", "parquet"])
async def copy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Copy]:
    """Yield a copy that does not exist yet; responses pass through `rewrite`."""
    path: Location = tmp_path / f"calls.{request.param}"
    if request.param == "postgres":
        path = location(request, request.param, tmp_path)
    async with living(path) as live:
        copy = Copy(live)
        live.fake.fail(LIST, Fault.rewrite(copy.rewrite), times=10**6)
        yield copy


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Copy]:
    """Yield a copy in a database."""
    async with living(location(request, request.param, tmp_path)) as live:
        copy = Copy(live)
        live.fake.fail(LIST, Fault.rewrite(copy.rewrite), times=10**6)
        yield copy


@pytest.mark.parametrize("name", ["id", "date"])
async def test_p52_a_bad_record_is_read_again_until_it_can_be_read(copy: Copy, name: str) -> None:
    """It stops no other call, and is noted without its value, however old it is."""
    bad_id = copy.spoil(150, name)
    date = copy.live.fake.state.calls[150]["date"]
    for added in (299, 0):
        report = await copy.live.sync()
        assert (report.added, report.bad_records) == (added, 1)
        (noted,) = report.unreadable
        known = noted.call_id if name == "date" else noted.date
        assert str(known) in (bad_id, str(datetime.fromisoformat(date)))
        assert noted.path == f".{name}"
        assert noted.start <= datetime.fromisoformat(date) < noted.end
        assert await copy.noted() == [noted]
        assert "secret" not in repr(noted)
        copy.live.time.now += 3 * 86_400
    copy.bad.clear()
    assert (await copy.live.sync()).bad_records == 0
    assert copy.copied_ids() == copy.served_ids()
    assert await copy.noted() == []


async def test_p52_a_killed_run_has_noted_them(copy: Copy) -> None:
    """The position never passes a record that is not noted."""
    copy.spoil(20, "id")

    def kill(progress: SyncProgress) -> None:
        if progress.calls > 150:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await copy.live.sync(page_size=25, concurrency=1, progress=kill)
    assert len(await copy.noted()) == 1
    copy.bad.clear()
    await copy.live.sync()
    assert copy.copied_ids() == copy.served_ids()
    assert await copy.noted() == []


async def test_a_deleted_bad_record_is_forgotten(database: Copy) -> None:
    """A reading of its time that does not have it is the proof."""
    database.live.delete(150)
    call_id = database.spoil(150, "id")
    await database.live.sync()
    database.live.fake.state.delete_call(call_id)
    assert (await database.live.sync()).bad_records == 0
    assert await database.noted() == []


async def test_many_old_bad_records_do_not_use_up_the_limit(database: Copy) -> None:
    """A run reads fifty of them, and the next run the others."""
    for index in range(1, 121, 2):
        database.spoil(index, "id")
    total = (await database.live.sync()).bad_records  # those of one second count once
    database.live.time.now += 86_400
    met = []
    for _ in range(2):
        database.live.time.now += 60
        database.live.count_requests()
        report = await database.live.sync()
        met.append(report.bad_records)
        assert database.live.count_requests() <= 4 * 50 + 4
        assert len(report.unreadable) == 10
    assert met == [50, 50]
    assert len(await database.noted()) == total > 55


async def test_a_bad_record_ends_the_run_on_request(database: Copy) -> None:
    """What was copied stays, and the next run resumes."""
    database.spoil(150, "id")
    with pytest.raises(errors.MalformedResponseError):
        await database.live.sync(on_bad_record="raise", page_size=25)
    await database.live.sync()
    assert len(database.copied_ids()) == 299


@pytest.mark.parametrize("name", ["id", "date"])
async def test_a_call_that_a_bad_record_may_be_is_not_marked(database: Copy, name: str) -> None:
    """A full run marks all others that are gone."""
    await database.live.sync()
    bad_id = database.spoil(150, name)
    deleted = database.live.delete(30)
    report = await database.live.sync(reread=Period(database.live.since, moment(NOON)))
    assert (report.deleted, report.bad_records) == (1, 1)
    assert set(database.live.copied_ids()) == database.served_ids() - {*deleted}
    assert bad_id in database.live.copied_ids()


def test_a_note_has_the_time_to_read() -> None:
    """It is the second of the record, or the time between its neighbours, or the whole period."""
    period = Period(FIRST, FIRST + DAY)
    date = SECOND.replace(microsecond=5)
    cases = {
        BadRecord(0, ".id", "", "7", date, FIRST, THIRD): (SECOND, SECOND + timedelta(seconds=1)),
        BadRecord(0, "", "", None, None, FIRST, THIRD): (FIRST, THIRD + timedelta(seconds=1)),
        BadRecord(0, "", "", None, None, None, SECOND): (FIRST, SECOND + timedelta(seconds=1)),
        BadRecord(0, "", "", None, None, THIRD, None): (THIRD, FIRST + DAY),
        BadRecord(0, "", ""): (FIRST, FIRST + DAY),
    }
    for bad, expected in cases.items():
        noted = note(bad, period)
        assert (noted.start, noted.end) == expected
        assert readable_again([noted], [], period) == [noted]
        assert readable_again([noted], [noted], period) == []
        assert readable_again([noted], [], Period(SECOND, FIRST + DAY)) == [noted] * (
            expected[0] >= SECOND
        )
