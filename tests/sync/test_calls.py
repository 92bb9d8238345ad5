"""Whole runs against a server: what is read, what is written, and where the next run resumes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, errors
from roistat_async.sync import SyncProgress, sync_calls
from roistat_async.sync.sql_target import SqlTarget
from roistat_async.testing import Fault
from tests.sync.databases import each_database
from tests.sync.live import DAY, LIST, NOON, Live, living, moment, utc

HOUR = 3600.0


async def interrupt(live: Live, batches: int, **options: Any) -> None:
    """Sync until this many batches are written, then cancel."""
    remaining = iter(range(1, batches))

    def count(_: SyncProgress) -> None:
        if next(remaining, None) is None:
            task.cancel()

    task = asyncio.create_task(live.sync(page_size=25, progress=count, **options))
    with pytest.raises(asyncio.CancelledError):
        await task


def client_tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks but those of the fake server's connections, which runs in this loop too."""
    return {
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "").split(".")[0] != "RequestHandler"
    }


def days_ago(days: float) -> datetime:
    return moment(NOON) - days * DAY


@each_database
async def test_the_first_run_copies_all_calls(live: Live) -> None:
    """The copy equals the server, and the report has the numbers."""
    report = await live.sync()
    assert live.is_same()
    assert (report.calls, report.added, report.changed) == (300, 300, 0)
    assert report.requests == live.count_requests()
    assert report.sealed_until == moment(NOON - 120)
    assert report.project == live.fake.project


@pytest.mark.parametrize("days", [2, 0.25])
async def test_nothing_before_since_is_copied(live: Live, days: float) -> None:
    """The lookback of the second run does not reach further back either."""
    await live.sync(since=days_ago(days))
    report = await live.sync(since=None)
    assert report.start >= days_ago(days)
    dates = [datetime.fromisoformat(date) for date, *_ in live.copied()]
    assert 0 < len(dates) < 300
    assert min(dates) >= days_ago(days)


@each_database
async def test_a_second_run_writes_only_changes(live: Live) -> None:
    """The lookback is read again; one new call and one edited call are two writes."""
    await live.sync()
    before = live.database.dump()
    live.count_requests()
    report = await live.sync()
    assert (report.added, report.changed) == (0, 0)
    assert 0 < report.calls < 150
    assert report.requests == live.count_requests() < 8
    assert live.database.dump() == before
    live.time.now += HOUR
    live.add(ago=60)
    live.edit(295, comment="changed")
    report = await live.sync(since=None)
    assert (report.added, report.changed) == (1, 1)
    assert len({*live.database.dump()} - {*before}) == 2
    assert live.is_same()


@pytest.mark.parametrize(
    "options",
    [
        {"since": None}, {"since": datetime(2026, 5, 1)}, {"since": "2026-05-01"},
        {"lookback": timedelta(-1)}, {"lookback": 3600}, {"extend": ("calls",)},
        {"page_size": 0}, {"concurrency": 0}, {"on_bad_record": "ignore"},
        {"until": datetime(2026, 5, 1)}, {"until": moment(NOON) - 200 * DAY},
        {"until": moment(NOON), "reread": Period(days_ago(2), days_ago(1))},
    ],
    ids=str,
)  # fmt: skip
async def test_invalid_arguments_are_refused(live: Live, options: dict[str, Any]) -> None:
    """ConfigurationError names the argument before any request; the first run needs since."""
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        await live.sync(**options)
    assert live.count_requests() == 0


async def test_p11_a_late_call_needs_the_lookback_or_a_reread(live: Live) -> None:
    """A run reads the lookback again (docs/fault-matrix.md P11), `reread` reads a whole period."""
    await live.sync()
    live.time.now += HOUR
    late = live.add(ago=4 * HOUR)
    await live.sync(lookback=timedelta(hours=1))
    assert late not in live.copied_ids()
    await live.sync(lookback=timedelta(hours=4))
    assert live.is_same()
    live.add(ago=6 * HOUR)
    await live.sync(lookback=timedelta(hours=1), reread=Period(days_ago(1), moment(NOON)))
    assert live.is_same()


@each_database
async def test_p10_an_active_call_is_read_until_it_ends(live: Live) -> None:
    """It may be older than the lookback (docs/fault-matrix.md P10)."""
    call_id = live.add(ago=60, status="ACTIVE", duration=0)
    for _ in range(3):
        live.time.now += 5 * HOUR
        live.add(ago=60)
        await live.sync(lookback=timedelta(minutes=10))
    live.fake.state.edit_call(call_id, status="ANSWER", duration=17_000)
    await live.sync(lookback=timedelta(minutes=10))
    assert live.is_same()


async def test_a_call_active_for_a_month_is_not_read_again(live: Live) -> None:
    """It is a record that was never closed."""
    for index in (-3, -2, -1):
        live.edit(index, status="ANSWER")
    live.add(status="ACTIVE")
    live.time.now += 40 * 86_400
    live.add()
    await live.sync()
    live.edit(-2, status="ANSWER", duration=5)
    await live.sync(lookback=timedelta(0))
    assert live.ask("SELECT count(*) FROM calls WHERE status = 'ACTIVE'") == [(1,)]


@each_database
@pytest.mark.parametrize("batches", [1, 3, 6, 10])
async def test_a_cancelled_run_is_resumed(live: Live, batches: int) -> None:
    """Written calls stay, and the next run requests only the others."""
    await interrupt(live, batches, concurrency=1)
    copied = len(live.copied())
    assert 0 < copied < 300
    live.count_requests()
    report = await live.sync(page_size=25, concurrency=1)
    assert live.is_same()
    assert report.calls == report.added == 300 - copied
    assert live.count_requests() <= 1.25 * -(-(300 - copied) // 25) + 4


@each_database
async def test_a50_a_repeated_cancel_leaves_nothing(live: Live) -> None:
    """anyio cancels at each await again; the next run is not refused (docs/fault-matrix.md A50)."""
    for step in range(0, 60, 4):
        before = client_tasks()
        task = asyncio.create_task(live.sync(page_size=25))
        for _ in range(step):
            await asyncio.sleep(0)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        assert client_tasks() == before
    await live.sync(page_size=25)


@each_database
@pytest.mark.parametrize(
    ("steps", "numbers"), [(0, (1, 3, 2)), (1, (6, 4)), (5, (5, 2, 1)), (20, (1, 6)), (50, (3, 2))]
)
async def test_a_run_cancelled_at_any_step_loses_nothing(
    live: Live, steps: int, numbers: tuple[int, ...]
) -> None:
    """It leaves no task, no lock and no half batch (docs/fault-matrix.md A1)."""
    for number in numbers:
        before = client_tasks()
        task = asyncio.create_task(live.sync(page_size=25, concurrency=3))
        live.count_requests()
        while len(live.fake.requests) < number and not task.done():
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert client_tasks() == before
        live.time.now += 30
        live.add(ago=500)
    await live.sync()
    await live.sync()
    assert live.is_same()


async def test_p50_nothing_is_lost_if_both_clocks_are_ahead(live: Live) -> None:
    """A run starts no later than the newest call that was seen, and corrects the watermark."""
    ahead = 3 * 86_400.0
    live.time.skew = ahead
    date = format_datetime(moment(NOON + ahead), usegmt=True)
    live.fake.fail(LIST, Fault.headers({"Date": date}), times=9, when=lambda _: live.time.skew > 0)
    await live.sync()
    wrong = live.state("watermark")
    assert wrong > utc(moment(NOON + 2 * 86_400))
    live.time.skew = 0
    for _ in range(5):
        live.time.now += HOUR
        live.add(ago=60)
        report = await live.sync(lookback=timedelta(minutes=10))
        assert report.future_watermark is None or utc(report.future_watermark) == wrong
    assert live.is_same()
    assert live.state("watermark") == utc(moment(live.time.now - 120))


async def test_a_fast_server_clock_loses_nothing(live: Live) -> None:
    """The watermark never passes the local time."""
    fast = Fault.headers({"Date": "Sun, 06 Nov 2033 08:49:37 GMT"})
    live.fake.fail(LIST, fast, times=10, when=lambda _: live.time.now == NOON)
    await live.sync()
    assert live.state("watermark") <= utc(moment(NOON))
    live.time.now += 600
    live.add(ago=300)
    await live.sync()
    assert live.is_same()


async def test_a_resumed_run_is_sealed_when_it_began(live: Live) -> None:
    """A late call before the resumed position is copied by the run after it."""
    await interrupt(live, 10, concurrency=1)
    live.time.now += HOUR
    late = live.add(ago=5 * 86_400)
    fresh = live.add(ago=2 * HOUR + 60)
    await live.sync(page_size=25)
    assert live.state("watermark") == utc(moment(NOON - 120))
    assert fresh in live.copied_ids()
    assert late not in live.copied_ids()
    await live.sync(lookback=timedelta(days=6))
    assert live.is_same()


@each_database
async def test_an_interrupted_run_keeps_the_watermark(live: Live) -> None:
    """The next lookback is measured from the last completed run, even a shorter lookback."""
    await live.sync()
    before = live.state("watermark")
    live.time.now += 2 * 86_400
    for number in range(60):
        live.add(ago=60 * number)
    await interrupt(live, 1, concurrency=1, lookback=timedelta(days=5))
    assert live.state("watermark") == before
    walk = live.state("walk")
    live.ask("UPDATE sync_state SET walk = 'half a tok'")
    with pytest.raises(errors.RoistatError):  # never continues from now (docs/fault-matrix.md F8)
        await live.sync()
    live.ask("UPDATE sync_state SET walk = :walk", walk=walk)
    report = await live.sync(lookback=timedelta(minutes=1))
    assert live.is_same()
    assert report.calls > 100
    assert live.state("walk") is None


async def test_a_run_is_resumed_days_later(live: Live) -> None:
    """Calls of the days between, ACTIVE calls and calls of a backfill are copied as well."""
    live.edit(200, status="ACTIVE")
    await interrupt(live, 4, concurrency=1, since=days_ago(4))
    live.edit(200, status="ANSWER")
    live.time.now += 3 * 86_400
    for number in range(100):
        live.add(ago=1800.0 * number)
    live.time.skew = -30 * 86_400.0  # the stored position then lies after the local time
    await live.sync()
    live.time.skew = 0
    await live.sync(lookback=3 * DAY)
    assert live.is_same()
    assert live.state("covered_from") == utc(live.since)


@pytest.mark.parametrize("fault", ["server", "order"])
async def test_a_failed_run_is_resumed(live: Live, fault: str) -> None:
    """Written calls stay, whatever failed."""
    if fault == "server":
        denied = Fault.error("access_denied")
        live.fake.fail(LIST, denied, when=lambda _: len(live.fake.requests) == 6)
    live.fake.quirks.descending_only = fault == "order"
    with pytest.raises((errors.AccessDeniedError, errors.PagingError)):
        await live.sync(page_size=25, concurrency=1)
    live.fake.quirks.descending_only = False
    copied = len(live.copied())
    assert (copied > 0) == (fault != "order")
    report = await live.sync(page_size=25, concurrency=1)
    assert report.added == 300 - copied
    assert live.is_same()


async def test_nothing_from_until_on_is_copied(live: Live) -> None:
    """A second run reads the lookback of the period, and an open run continues after it."""
    await live.sync(since=days_ago(5), until=days_ago(2))
    dates = [datetime.fromisoformat(date) for date, *_ in live.copied()]
    assert days_ago(5) <= min(dates) <= max(dates) < days_ago(2)
    assert live.state("watermark") == utc(days_ago(2))
    report = await live.sync(since=days_ago(5), until=days_ago(2))
    assert (report.added, report.changed) == (0, 0)
    assert 0 < report.calls < len(dates)
    await live.sync()
    assert live.is_same()


async def test_a_copy_beyond_until_stays_as_it_is(live: Live) -> None:
    """An earlier period is added, and the state of an interrupted open run is kept."""
    await live.sync(since=days_ago(2))
    live.time.now += DAY.total_seconds()
    live.add()
    walk, watermark = live.state("walk"), live.state("watermark")
    report = await live.sync(since=days_ago(5), until=days_ago(4))
    assert report.added > 0
    assert (live.state("walk"), live.state("watermark")) == (walk, watermark)
    assert live.state("covered_from") == utc(days_ago(5))
    await live.sync()
    assert live.is_same()


@each_database
async def test_an_interrupted_run_outlives_a_closed_one(live: Live) -> None:
    """A closed run before the stored position leaves it; one after it moves on from there."""
    await interrupt(live, 4, concurrency=1, since=days_ago(5))
    walk = live.state("walk")
    assert walk is not None
    await live.sync(since=days_ago(5), until=days_ago(5) + timedelta(hours=1))
    assert (live.state("walk"), live.state("watermark")) == (walk, None)
    await live.sync(since=days_ago(5), until=days_ago(1))
    assert (live.state("walk"), live.state("watermark")) == (None, utc(days_ago(1)))
    await live.sync()
    assert live.is_same()


@pytest.mark.parametrize("batches", [1, 3])
async def test_an_interrupted_closed_run_is_resumed(live: Live, batches: int) -> None:
    """Calls that were written are not read again."""
    closed = {"since": days_ago(5), "until": days_ago(1), "concurrency": 1}
    await interrupt(live, batches, **closed)
    copied = len(live.copied())
    report = await live.sync(**closed)
    assert report.calls == report.added
    assert len(live.copied()) == copied + report.added
    await live.sync()
    assert live.is_same()


@each_database
async def test_an_earlier_since_reads_only_older_calls(live: Live) -> None:
    """The lookback is read again, the coverage grows, and it never shrinks."""
    await live.sync(since=days_ago(3))
    copied = len(live.copied())
    live.count_requests()
    report = await live.sync()
    assert live.is_same()
    assert report.added == 300 - copied
    assert report.calls < 300 - copied + 80
    assert report.requests == live.count_requests()
    await live.sync(since=days_ago(1))
    assert live.state("covered_from") == utc(live.since)


async def test_a_backfill_is_stored_month_by_month(tmp_path: Path) -> None:
    """It starts with the latest month, so an interruption costs one month at most."""

    def starts_60_days_ago(request: Any) -> bool:
        after = request.body["filters"]["and"][0][2]
        return datetime.fromisoformat(after) < days_ago(60)

    async with living(tmp_path / "calls.db", calls=3000) as live:
        await live.sync(since=days_ago(5))
        live.fake.fail(LIST, Fault.error("access_denied"), when=starts_60_days_ago)
        with pytest.raises(errors.AccessDeniedError):
            await live.sync()
        assert live.state("covered_from") == utc(days_ago(35))
        before = len(live.copied())
        report = await live.sync()
        assert live.is_same()
        assert report.added == 3000 - before
        assert report.calls < 3000 - before + 80


@each_database
async def test_p12_reread_marks_deleted_calls(live: Live) -> None:
    """They are marked once, only in its period, and not removed (docs/fault-matrix.md P12)."""
    await live.sync(reread=Period(live.since, moment(NOON)), since=None)  # the first run
    assert live.is_same()
    row = dict(live.fake.state.calls[290])
    ids = live.delete(10, 20, 290, -1)
    assert (await live.sync(reread=Period(days_ago(1), moment(NOON)))).deleted == 1
    period = Period(live.since, moment(NOON))
    assert (await live.sync(reread=period)).deleted == 2
    assert live.deleted_ids() == ids[:3]
    assert (await live.sync(reread=period)).deleted == 0
    live.fake.state.add_call(**row)
    assert (await live.sync(since=None)).changed == 1
    assert live.copied_ids() == [row[1] for row in live.served()] + ids[3:]


async def test_reread_needs_a_database(live: Live, tmp_path: Path) -> None:
    """Calls in a file cannot be marked."""
    path, period = tmp_path / "calls.ndjson", Period(live.since, moment(NOON))
    with pytest.raises(errors.ConfigurationError, match="database"):
        await sync_calls(live.roistat, path, reread=period)
    assert live.count_requests() == 0


async def test_p51_reread_needs_two_readings(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that ends too early in one of them marks no call as deleted."""
    await live.sync()
    gone = live.delete(10)
    live.count_requests()
    missing, second_reading = SqlTarget.missing, asyncio.Event()
    empty = Fault.rewrite(lambda _: b'{"status": "success", "data": [], "total": 0}')

    def is_cut(_: object) -> bool:
        return len(live.fake.requests) > 3 and not second_reading.is_set()

    async def begin_second_reading(self: SqlTarget, *arguments: Any) -> Any:
        second_reading.set()
        return await missing(self, *arguments)

    monkeypatch.setattr(SqlTarget, "missing", begin_second_reading)
    live.fake.fail(LIST, empty, times=9, when=is_cut)
    period = Period(live.since, moment(NOON))
    report = await live.sync(reread=period, page_size=25, concurrency=1)
    assert report.deleted == 1
    assert live.deleted_ids() == gone


@each_database
async def test_an_error_is_stored_until_a_run_is_complete(live: Live) -> None:
    """`roistat status` shows it; the advice is that of a sync, not of a history."""
    live.fake.fail(LIST, Fault.error("access_denied"))
    with pytest.raises(errors.AccessDeniedError) as raised:
        await live.sync()
    assert raised.value.__notes__ == ["what was copied stays; sync again, and it resumes there"]
    assert live.state("last_error") == str(raised.value)
    assert live.state("last_failed_at") is not None
    await live.sync()
    assert live.state("last_error") is live.state("last_failed_at") is None


async def test_an_interrupted_reread_marks_nothing(live: Live) -> None:
    """Only a period that was read to its end proves that a call is gone."""
    await live.sync()
    live.delete(10)
    await interrupt(live, 4, concurrency=1, reread=Period(live.since, moment(NOON)))
    assert live.deleted_ids() == []
    before = live.state("watermark")
    await live.sync()
    assert live.state("watermark") >= before


@each_database
@pytest.mark.parametrize("is_shared", [False, True], ids=["same path", "same target"])
async def test_projects_share_a_database_at_the_same_time(live: Live, is_shared: bool) -> None:
    """One that fails does not stop the other; a target that is passed in stays open."""
    live.fake.add_project(678, calls=120)
    other = live.roistat.for_project(678)
    target = live.database.target() if is_shared else live.path
    denied = Fault.error("access_denied")
    live.fake.fail(
        LIST, denied, when=lambda request: request.project == 678 and request.body["offset"] == 0
    )

    async def sync_both() -> Sequence[object]:
        runs = [sync_calls(client, target, since=live.since) for client in (live.roistat, other)]
        results = await asyncio.gather(*runs, return_exceptions=True)
        if isinstance(target, SqlTarget):
            assert await target.active(678) is not None
            await target.close()  # a project stays locked until then
        assert live.is_same()
        return results

    assert isinstance((await sync_both())[1], errors.AccessDeniedError)
    live.time.now += HOUR
    await sync_both()
    assert live.copied(678) == live.served(678)
    assert live.state("watermark") == live.state("watermark", 678)


@each_database
async def test_parts_that_were_not_requested_stay(live: Live) -> None:
    """A run without visits neither erases them nor counts a change."""
    await live.sync()
    parts = live.ask('SELECT id, visit, "order" FROM calls ORDER BY id')
    assert sum(visit is not None for _, visit, _ in parts) > 100
    report = await live.sync(extend=(), reread=Period(live.since, moment(NOON)))
    assert report.changed == 0
    assert live.ask('SELECT id, visit, "order" FROM calls ORDER BY id') == parts


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_progress_never_moves_back(live: Live, concurrency: int) -> None:
    """The last progress has the numbers of the report."""
    live.time.now += 1
    steps: list[SyncProgress] = []
    report = await live.sync(page_size=20, concurrency=concurrency, progress=steps.append)
    for name in ("calls", "requests", "seconds", "reached", "share"):
        values = [getattr(step, name) for step in steps]
        assert values == sorted(values), name
    assert len(steps) > 10
    assert steps[-1].calls == report.calls == 300
    assert steps[-1].requests <= report.requests == live.count_requests()
    assert 0 < steps[0].share < steps[-1].share <= 1


@each_database
async def test_odd_values_and_duplicate_rows_are_counted(live: Live) -> None:
    """They stop nothing, and the values are in `extra`."""
    live.edit(20, duration="forty")

    def repeat_the_first(body: bytes) -> bytes:
        data = json.loads(body)
        data["data"].insert(0, data["data"][0])
        return json.dumps(data).encode()

    live.fake.fail(LIST, Fault.rewrite(repeat_the_first), times=1)
    report = await live.sync()
    assert (report.odd_values, report.duplicate_rows) == ({"duration": 1}, 1)
    ((extra,),) = live.ask("SELECT extra FROM calls WHERE extra IS NOT NULL")
    assert json.loads(extra) == {"duration": "forty"}
    assert len(live.copied()) == 300


@pytest.mark.parametrize("skew", [-86_400.0, HOUR])
async def test_p13_a_wrong_local_clock_loses_nothing(live: Live, skew: float) -> None:
    """Every call is copied, late ones as well (docs/fault-matrix.md P13)."""
    live.time.skew = skew
    for _ in range(4):
        live.time.now += 300
        live.add(ago=10)
        live.add(ago=550)
        await live.sync(lookback=timedelta(seconds=600))
    live.time.now += 900
    await live.sync(lookback=timedelta(seconds=600))
    assert live.is_same()
    assert live.state("watermark") <= utc(moment(live.time.now - 120))


@pytest.mark.parametrize(
    ("days", "is_local"), [(-1, True), (-400, True), (3650, True), (-1, False), (-400, False)]
)
async def test_f9_a_jump_of_a_clock_keeps_the_watermark(
    live: Live, days: int, is_local: bool
) -> None:
    """It moves again once the clock is right."""
    await live.sync()
    before = live.state("watermark")
    if is_local:
        live.time.skew = days * 86_400.0
    else:
        date = format_datetime(moment(live.time.now + days * 86_400), usegmt=True)
        live.fake.fail(LIST, Fault.headers({"Date": date}), times=2)
    live.add()
    await live.sync()
    assert live.state("watermark") == before
    live.time.skew = 0
    live.time.now += 300
    await live.sync()
    assert live.is_same()
    assert live.state("watermark") > before
