"""Records that cannot be read: they stop no other, and are read again until they can be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from roistat_async import Period, errors
from roistat_async.models.page import BadRecord
from roistat_async.sync import NotedRecord, SyncProgress, calls_run, open_target
from roistat_async.sync.bad_records import note, readable_again
from roistat_async.testing import Fault
from tests.sync.databases import Location, location, stored_ids
from tests.sync.live import DAY, LIST, NOON, Live, living, moment

FIRST, SECOND, THIRD = (moment(NOON) + timedelta(seconds=seconds) for seconds in (0, 1, 60))


@define
class Copy:
    """A server that sends some records in a form that nobody can read, and a copy of it."""

    live: Live
    bad: dict[str, str] = field(factory=dict)
    """Unreadable field of each bad call."""

    def spoil(self, index: int, name: str) -> str:
        """Make the id or the date of a call unreadable; return its id."""
        call_id = str(self.live.fake.state.calls[index]["id"])
        self.bad[call_id] = name
        return call_id

    def rewrite(self, body: bytes) -> bytes:
        content = json.loads(body)
        for row in content["data"]:
            if name := self.bad.get(row["id"]):
                row[name] = {"secret": 1}
        return json.dumps(content).encode()

    async def noted(self) -> list[NotedRecord]:
        target, project = open_target(self.live.path), self.live.fake.project
        try:
            await target.open(project, self.live.roistat.base_url)
            return [*await target.bad_records(project)]
        finally:
            await target.close()

    async def check_repaired(self) -> None:
        """Check that the next run reads what is bad no more."""
        self.bad.clear()
        assert (await self.live.sync()).bad_records == 0
        assert stored_ids(self.live.path) == self.served_ids()
        assert await self.noted() == []

    def served_ids(self) -> set[str]:
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


databases_only = pytest.mark.parametrize("copy", ["db", "postgres"], indirect=True)


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
    await copy.check_repaired()


async def test_p52_a_killed_run_has_noted_them(copy: Copy) -> None:
    """The position never passes a record that is not noted."""
    copy.spoil(20, "id")

    def kill(progress: SyncProgress) -> None:
        if progress.calls > 150:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await copy.live.sync(page_size=25, concurrency=1, progress=kill)
    assert len(await copy.noted()) == 1
    await copy.check_repaired()


@databases_only
async def test_a_deleted_bad_record_is_forgotten(copy: Copy) -> None:
    """A reading of its time that does not have it is the proof."""
    copy.live.delete(150)
    call_id = copy.spoil(150, "id")
    await copy.live.sync()
    copy.live.fake.state.delete_call(call_id)
    assert (await copy.live.sync()).bad_records == 0
    assert await copy.noted() == []


@databases_only
async def test_many_old_bad_records_do_not_use_up_the_limit(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run reads a limited number of them, and the next run the others."""
    monkeypatch.setattr(calls_run, "_MAX_BAD_RECORDS_READ", 12)
    for index in range(1, 29, 2):
        copy.spoil(index, "id")
    total = (await copy.live.sync()).bad_records  # those of one second count once
    copy.live.time.now += 86_400
    for _ in range(2):
        copy.live.time.now += 60
        copy.live.count_requests()
        report = await copy.live.sync()
        assert (report.bad_records, len(report.unreadable)) == (12, 10)
        assert copy.live.count_requests() <= 4 * 12 + 4
    assert len(await copy.noted()) == total > 12


@databases_only
async def test_a_bad_record_ends_the_run_on_request(copy: Copy) -> None:
    """What was copied stays, and the next run resumes."""
    copy.spoil(150, "id")
    with pytest.raises(errors.MalformedResponseError):
        await copy.live.sync(on_bad_record="raise", page_size=25)
    await copy.live.sync()
    assert len(stored_ids(copy.live.path)) == 299


@databases_only
@pytest.mark.parametrize("name", ["id", "date"])
async def test_a_call_that_a_bad_record_may_be_is_not_marked(copy: Copy, name: str) -> None:
    """A full run marks all others that are gone."""
    await copy.live.sync()
    bad_id = copy.spoil(150, name)
    deleted = copy.live.delete(30)
    report = await copy.live.sync(reread=Period(copy.live.since, moment(NOON)))
    assert (report.deleted, report.bad_records) == (1, 1)
    assert copy.live.deleted_ids() == deleted
    assert stored_ids(copy.live.path) == copy.served_ids() >= {bad_id}


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
        later = readable_again([noted], [], Period(SECOND, FIRST + DAY))
        assert later == [noted] * (expected[0] >= SECOND)
