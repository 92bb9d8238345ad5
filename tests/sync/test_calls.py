"""Whole runs against a server: what is read, what is written, and where the next one goes on."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, errors
from roistat_async.sync import SyncProgress, sync_calls
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.testing import Fault
from tests.sync.live import DAY, LIST, NOON, Live, living, moment

HOUR = 3600.0


async def broken_off(live: Live, batches: int, **options: Any) -> None:
    """Run until so many batches are written, then cancel."""
    task: asyncio.Task[Any] | None = None
    left = batches

    def count(_: SyncProgress) -> None:
        nonlocal left
        left -= 1
        if left == 0 and task is not None:
            task.cancel()

    task = asyncio.create_task(live.sync(page_size=25, progress=count, **options))
    with pytest.raises(asyncio.CancelledError):
        await task


def since_day(live: Live, days: float) -> datetime:
    """Give the moment of so many days before the server's beginning of time."""
    return moment(NOON) - days * DAY


# A first run, and a second one


async def test_the_first_run(live: Live) -> None:
    """Everything from `since` on, as the server has it."""
    report = await live.sync()
    assert live.is_same()
    assert (report.calls, report.added, report.changed) == (300, 300, 0)
    assert report.requests == live.asked()
    assert report.sealed_until == moment(NOON - 120)
    assert report.project == live.fake.project


async def test_only_from_since(live: Live) -> None:
    """What is older is left alone."""
    since = since_day(live, 2)
    await live.sync(since=since)
    dates = [datetime.fromisoformat(date) for date, *_ in live.copied()]
    assert 0 < len(dates) < 300
    assert min(dates) >= since


async def test_a_second_run_writes_no_row(live: Live) -> None:
    """The lookback is read again, found to be the same, and not written."""
    await live.sync()
    before = live.dump()
    written = _watch_writes(live)
    live.asked()
    report = await live.sync()
    assert (report.added, report.changed) == (0, 0)
    assert 0 < report.calls < 150
    assert report.requests == live.asked() < 8
    assert live.dump() == before
    assert written() == 0


def _watch_writes(live: Live) -> Any:
    """Let the database itself count the writes to the table of calls."""
    live.ask("CREATE TABLE writes (id TEXT)")
    for act, name in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
        live.ask(
            f"CREATE TRIGGER on_{act} AFTER {act} ON calls"
            f" BEGIN INSERT INTO writes VALUES ({name}.id); END"
        )
    return lambda: live.ask("SELECT count(*) FROM writes")[0][0]


async def test_only_what_changed_is_written(live: Live) -> None:
    """One new call and one edited call are two writes."""
    await live.sync()
    written = _watch_writes(live)
    live.time.now += HOUR
    live.add(ago=60)
    live.fake.state.edit_call(live.fake.state.calls[295]["id"], comment="changed")
    report = await live.sync()
    assert (report.added, report.changed, written()) == (1, 1, 2)
    assert live.is_same()


async def test_the_first_run_needs_since(live: Live) -> None:
    """How far back is for the user to say; nothing is asked for before."""
    with pytest.raises(errors.ConfigurationError, match="since"):
        await live.sync(since=None)
    assert live.asked() == 0


async def test_later_runs_need_no_since(live: Live) -> None:
    """They know."""
    await live.sync()
    live.add()
    await live.sync(since=None)
    assert live.is_same()


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": datetime(2026, 5, 1)},
        {"since": "2026-05-01"},
        {"lookback": timedelta(-1)},
        {"lookback": 3600},
        {"extend": ("calls",)},
        {"page_size": 0},
        {"concurrency": 0},
        {"on_bad_record": "ignore"},
    ],
    ids=str,
)
async def test_wrong_arguments(live: Live, wrong: dict[str, Any]) -> None:
    """ConfigurationError, before anything is asked for."""
    with pytest.raises(errors.ConfigurationError):
        await live.sync(**wrong)
    assert live.asked() == 0


async def test_nothing_before_since(live: Live) -> None:
    """The lookback of a young copy does not reach behind its beginning."""
    since = since_day(live, 0.25)
    await live.sync(since=since)
    report = await live.sync(since=None)
    assert report.start == since
    assert min(datetime.fromisoformat(date) for date, *_ in live.copied()) >= since


async def test_a_target_that_means_nothing(live: Live) -> None:
    """A path must tell its kind."""
    with pytest.raises(errors.ConfigurationError, match=r"calls\.db"):
        await sync_calls(live.roistat, live.path.with_name("calls.txt"), since=live.since)


async def test_a_target_of_ones_own_stays_open(live: Live) -> None:
    """A given Target is not closed: it may serve another run."""
    target = SqliteTarget(live.path)
    await sync_calls(live.roistat, target, since=live.since)
    assert await target.active(live.fake.project)
    await target.close()


# Late calls and calls that go on


async def test_late_calls_within_the_lookback(live: Live) -> None:
    """A call recorded three hours late is found by the next run (P11)."""
    await live.sync()
    live.time.now += HOUR
    live.add(ago=4 * HOUR)
    await live.sync(lookback=timedelta(hours=4))
    assert live.is_same()


async def test_late_calls_beyond_the_lookback(live: Live) -> None:
    """Later than the lookback is not found, until a full run."""
    await live.sync()
    late = live.add(ago=4 * HOUR)
    await live.sync(lookback=timedelta(hours=1))
    assert late not in [row[1] for row in live.copied()]
    await live.sync(reread=Period(since_day(live, 1), moment(NOON)))
    assert live.is_same()


async def test_a_call_that_ends_beyond_the_lookback(live: Live) -> None:
    """What was last seen ACTIVE is read again, however old, until it has ended (P10)."""
    call = live.add(ago=60, status="ACTIVE", duration=0)
    for _ in range(3):
        live.time.now += 5 * HOUR
        live.add(ago=60)
        await live.sync(lookback=timedelta(minutes=10))
    live.fake.state.edit_call(call, status="ANSWER", duration=17_000)
    live.asked()
    report = await live.sync(lookback=timedelta(minutes=10))
    assert live.is_same()
    assert report.requests == live.asked()


async def test_a_call_that_never_ends(live: Live) -> None:
    """After a month a record that is ACTIVE still is not read for ever."""
    for row in live.fake.state.calls[-3:]:
        live.fake.state.edit_call(row["id"], status="ANSWER")
    live.add(status="ACTIVE")
    await live.sync()
    live.time.now += 40 * 86_400
    await live.sync()
    live.asked()
    await live.sync(lookback=timedelta(0))
    assert live.asked() == 1


async def test_edited_calls_within_the_lookback(live: Live) -> None:
    """A comment written later arrives, and when it did is noted."""
    await live.sync()
    call = live.fake.state.calls[290]
    live.fake.state.edit_call(call["id"], comment="later")
    await live.sync()
    seen, changed = live.ask(
        "SELECT first_seen_at, changed_at FROM calls WHERE id = ?", call["id"]
    )[0]
    assert seen <= changed
    assert live.is_same()


# Interrupted runs


@pytest.mark.parametrize("batches", [1, 3, 6, 10])
async def test_a_cancelled_run_is_gone_on_with(live: Live, batches: int) -> None:
    """What was written stays, and the next run asks only for the rest."""
    await broken_off(live, batches, concurrency=1)
    there = len(live.copied())
    assert 0 < there < 300
    live.asked()
    report = await live.sync(page_size=25, concurrency=1)
    assert live.is_same()
    assert report.calls == report.added == 300 - there
    assert live.asked() <= 1.25 * -(-(300 - there) // 25) + 4


async def test_a_run_that_the_server_ended_is_gone_on_with(live: Live) -> None:
    """The same after an error of the server in the middle."""
    live.fake.fail(LIST, Fault.error("access_denied"), when=lambda _: len(live.fake.requests) == 6)
    with pytest.raises(errors.AccessDeniedError):
        await live.sync(page_size=25, concurrency=1)
    there = len(live.copied())
    assert there > 80
    report = await live.sync(page_size=25, concurrency=1)
    assert report.added == 300 - there
    assert live.is_same()


async def test_interrupted_again_and_again(live: Live) -> None:
    """A run that never gets further than two batches gets there all the same."""
    for _ in range(5):
        await broken_off(live, 2, concurrency=2)
    await live.sync()
    assert live.is_same()
    assert live.ask("SELECT count(*), count(DISTINCT id) FROM calls") == [(300, 300)]


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 10, 20, 50])
async def test_cancelled_at_any_moment(live: Live, turns: int) -> None:
    """So many turns of the loop after a request: no task, no lock, no half batch is left (A1)."""
    for number in (1, 2, 3, 4, 3, 6, 2, 5, 4, 3, 2, 1):
        task = asyncio.create_task(live.sync(page_size=25, concurrency=3))
        live.asked()
        while len(live.fake.requests) < number and not task.done():
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not [one for one in asyncio.all_tasks() if "Stretches" in repr(one.get_coro())]
        live.time.now += 30
        live.add(ago=500)
    await live.sync()
    await live.sync()
    assert live.is_same()


async def test_the_seal_is_that_of_the_run_that_began(live: Live) -> None:
    """A late call behind an interrupted walk arrives with the run after the one that ends it."""
    await broken_off(live, 10, concurrency=1)
    live.time.now += HOUR
    late = live.add(ago=5 * 86_400)
    fresh = live.add(ago=2 * HOUR + 60)
    await live.sync(page_size=25)
    assert live.state("watermark") == f"{moment(NOON - 120):%Y-%m-%dT%H:%M:%SZ}"
    ids = [row[1] for row in live.copied()]
    assert fresh in ids
    assert late not in ids  # behind the walk, and it is five days late
    await live.sync(lookback=timedelta(days=6))
    assert live.is_same()


async def test_an_interrupted_run_moves_no_watermark(live: Live) -> None:
    """Nor what is covered: the next lookback is measured from the last run that ended."""
    await live.sync()
    before = live.state("watermark")
    live.time.now += 2 * 86_400
    for number in range(60):
        live.add(ago=60 * number)
    await broken_off(live, 1, concurrency=1)
    assert live.state("watermark") == before
    assert live.state("walk") is not None
    await live.sync()
    assert live.is_same()
    assert live.state("walk") is None


async def test_gone_on_with_by_another_lookback(live: Live) -> None:
    """A shorter lookback than before does not make the stored place a stranger."""
    await live.sync()
    live.time.now += HOUR
    live.add(ago=60)
    await broken_off(live, 1, concurrency=1, lookback=timedelta(days=5))
    report = await live.sync(lookback=timedelta(minutes=1))
    assert live.is_same()
    assert report.calls > 100


async def test_gone_on_with_days_later(live: Live) -> None:
    """The calls of the days between come with it."""
    await broken_off(live, 4, concurrency=4)
    live.time.now += 3 * 86_400
    for number in range(100):
        live.add(ago=1800.0 * number)
    await live.sync()
    await live.sync(lookback=3 * DAY)
    assert live.is_same()


async def test_calls_that_ended_behind_an_interrupted_walk(live: Live) -> None:
    """An ACTIVE call that the interrupted run had copied is read again at once."""
    call = live.fake.state.calls[5]["id"]
    live.fake.state.edit_call(call, status="ACTIVE")
    await broken_off(live, 5, concurrency=1)
    live.fake.state.edit_call(call, status="ANSWER")
    await live.sync()
    assert live.is_same()


async def test_a_place_that_cannot_be_read(live: Live) -> None:
    """Refused, and nothing is written: never "from now on" (F8)."""
    await broken_off(live, 2, concurrency=1)
    live.ask("UPDATE sync_state SET walk = 'half a pla'")
    before = live.dump()
    with pytest.raises(errors.RoistatError):
        await live.sync()
    assert live.dump() == before


async def test_a_list_that_breaks_its_rules(live: Live) -> None:
    """PagingError; what was proved stays, and the next run goes on once the server is sane."""
    live.fake.quirks.descending_only = True
    with pytest.raises(errors.PagingError):
        await live.sync()
    live.fake.quirks.descending_only = False
    await live.sync()
    assert live.is_same()


# Further back


async def test_an_earlier_since_reads_what_is_missing(live: Live) -> None:
    """Not what is there already, but for the lookback."""
    await live.sync(since=since_day(live, 3))
    there = len(live.copied())
    live.asked()
    report = await live.sync(since=live.since)
    assert live.is_same()
    assert report.added == 300 - there
    assert report.calls < 300 - there + 80
    assert report.requests == live.asked()
    assert live.state("covered_from") == f"{live.since:%Y-%m-%dT%H:%M:%SZ}"


async def test_a_later_since_changes_nothing(live: Live) -> None:
    """What is covered stays so."""
    await live.sync()
    await live.sync(since=since_day(live, 1))
    assert live.state("covered_from") == f"{live.since:%Y-%m-%dT%H:%M:%SZ}"


async def test_back_in_steps(tmp_path: Path) -> None:
    """A month at a time, the latest first; an interruption costs one step at most."""
    async with living(tmp_path / "calls.db", calls=4000) as live:
        await live.sync(since=since_day(live, 5))
        live.fake.fail(LIST, Fault.error("access_denied"), when=lambda seen: _asks_at(seen, 60))
        with pytest.raises(errors.AccessDeniedError):
            await live.sync()
        assert live.state("covered_from") == f"{since_day(live, 35):%Y-%m-%dT%H:%M:%SZ}"
        before = len(live.copied())
        report = await live.sync()
        assert live.is_same()
        assert report.added == 4000 - before
        assert report.calls < 4000 - before + 80


def _asks_at(seen: Any, days: float) -> bool:
    """Tell whether a request begins so many days back, or before."""
    after = seen.body["filters"]["and"][0][2]
    return datetime.fromisoformat(after) < moment(NOON) - days * DAY


async def test_further_back_while_a_walk_is_interrupted(live: Live) -> None:
    """Both are done: the time before, and the rest of the walk."""
    await broken_off(live, 2, concurrency=1, since=since_day(live, 4))
    await live.sync()
    assert live.is_same()
    assert live.state("covered_from") == f"{live.since:%Y-%m-%dT%H:%M:%SZ}"


# Full runs


async def test_a_full_run_marks_what_is_gone(live: Live) -> None:
    """Deleted calls are marked, not removed; the others stay untouched (P12)."""
    await live.sync()
    gone = [row["id"] for row in live.fake.state.calls[10:13]]
    for call in gone:
        live.fake.state.delete_call(call)
    report = await live.sync(reread=Period(live.since, moment(NOON)))
    assert report.deleted == 3
    assert live.is_same()
    marked = live.ask("SELECT id FROM calls WHERE deleted_at IS NOT NULL ORDER BY id")
    assert [call for (call,) in marked] == gone
    assert (await live.sync(reread=Period(live.since, moment(NOON)))).deleted == 0


async def test_a_call_that_comes_back(live: Live) -> None:
    """It is no longer marked."""
    await live.sync()
    row = dict(live.fake.state.calls[290])
    live.fake.state.delete_call(row["id"])
    period = Period(live.since, moment(NOON))
    await live.sync(reread=period)
    live.fake.state.add_call(**row)
    report = await live.sync()
    assert report.changed == 1
    assert live.is_same()


async def test_a_full_run_marks_only_in_its_period(live: Live) -> None:
    """What lies outside was not read, nor what is too new to be sure of."""
    await live.sync()
    old, new = live.fake.state.calls[10]["id"], live.fake.state.calls[-1]["id"]
    for call in (old, new):
        live.fake.state.delete_call(call)
    report = await live.sync(reread=Period(since_day(live, 1), moment(NOON)))
    assert report.deleted == 0
    assert len(live.copied()) == 300


async def test_a_full_run_that_skips_bad_records_marks_nothing(live: Live) -> None:
    """A call that cannot be read may be one that seems to be gone."""
    await live.sync()
    live.fake.state.edit_call(live.fake.state.calls[20]["id"], duration="forty")
    live.fake.state.delete_call(live.fake.state.calls[30]["id"])
    report = await live.sync(reread=Period(live.since, moment(NOON)), on_bad_record="skip")
    assert (report.deleted, report.bad_records) == (0, 1)
    assert len(live.copied()) == 300


async def test_a_full_run_first(live: Live) -> None:
    """It may be the first one; later runs go on from it."""
    await live.sync(reread=Period(live.since, moment(NOON)), since=None)
    assert len(live.copied()) == 300
    live.add()
    await live.sync(since=None)
    assert live.is_same()


async def test_a_full_run_after_the_watermark_hides_no_late_call(live: Live) -> None:
    """It read nothing before its start, so the lookback of the next run reaches there."""
    await live.sync()
    live.time.now += 2 * 86_400
    late = live.add(ago=2 * 86_400 + HOUR)
    await live.sync(reread=Period(moment(NOON) - timedelta(minutes=10), moment(live.time.now)))
    await live.sync()
    assert late in [row[1] for row in live.copied()]


async def test_a_full_run_that_is_interrupted_marks_nothing(live: Live) -> None:
    """Only what was read to the end proves that a call is gone."""
    await live.sync()
    live.fake.state.delete_call(live.fake.state.calls[10]["id"])
    await broken_off(live, 4, concurrency=1, reread=Period(live.since, moment(NOON)))
    assert live.ask("SELECT count(*) FROM calls WHERE deleted_at IS NOT NULL") == [(0,)]
    before = live.state("watermark")
    await live.sync()
    assert live.state("watermark") >= before


async def test_a_full_run_needs_a_database(live: Live, tmp_path: Path) -> None:
    """Lines in a file cannot be marked."""
    with pytest.raises(errors.ConfigurationError, match="database"):
        await sync_calls(
            live.roistat, tmp_path / "calls.ndjson", reread=Period(live.since, moment(NOON))
        )
    assert live.asked() == 0


# Several projects, parts of calls, bad records, progress


async def test_two_projects_at_once(live: Live) -> None:
    """Into one database, each with its own place; one that fails does not stop the other."""
    live.fake.add_project(678, calls=120)
    other = live.roistat.for_project(678)
    first = Fault.error("access_denied")
    live.fake.fail(LIST, first, when=lambda seen: seen.project == 678 and seen.body["offset"] == 0)
    one, two = await asyncio.gather(
        live.sync(), sync_calls(other, live.path, since=live.since), return_exceptions=True
    )
    assert not isinstance(one, BaseException)
    assert isinstance(two, errors.AccessDeniedError)
    assert live.is_same()
    live.time.now += HOUR
    await asyncio.gather(live.sync(), sync_calls(other, live.path, since=live.since))
    assert live.is_same()
    assert live.copied(678) == live.served(678)
    assert live.state("watermark") == live.state("watermark", 678)


async def test_two_projects_into_one_target(live: Live) -> None:
    """The same with a target that both share, as the command does it."""
    live.fake.add_project(678, calls=120)
    other = live.roistat.for_project(678)
    target = SqliteTarget(live.path)
    options: dict[str, Any] = {"since": live.since, "page_size": 20}
    await asyncio.gather(
        sync_calls(live.roistat, target, **options), sync_calls(other, target, **options)
    )
    await target.close()
    assert live.is_same()
    assert live.copied(678) == live.served(678)


async def test_the_same_project_twice_at_once(live: Live) -> None:
    """The second says that it must wait; the first ends undisturbed."""
    one, two = await asyncio.gather(live.sync(), live.sync(), return_exceptions=True)
    failed = [found for found in (one, two) if isinstance(found, errors.SyncError)]
    assert len(failed) == 1
    assert "wait" in str(failed[0])
    assert live.is_same()


async def test_parts_that_were_not_asked_for_are_kept(live: Live) -> None:
    """A run without visits neither erases those of an earlier one nor counts them as a change."""
    await live.sync()
    visits = live.ask('SELECT id, visit, "order" FROM calls ORDER BY id')
    assert sum(visit is not None for _, visit, _ in visits) > 100
    report = await live.sync(extend=(), reread=Period(live.since, moment(NOON)))
    assert report.changed == 0
    assert live.ask('SELECT id, visit, "order" FROM calls ORDER BY id') == visits


async def test_visits_are_those_of_the_server(live: Live) -> None:
    """As JSON, under the names of the fields."""
    await live.sync(extend=("visit",))
    served = {row["id"]: row["visit"] for row in live.fake.state.calls}
    for call, visit, order in live.ask('SELECT id, visit, "order" FROM calls'):
        assert order is None
        expected = served[call]
        assert (visit is None) == (expected is None)
        assert visit is None or json.loads(visit)["ip"] == expected["ip"]


async def test_bad_records_are_counted(live: Live) -> None:
    """Skipped ones are no reason to stop, but are told."""
    live.fake.state.edit_call(live.fake.state.calls[20]["id"], duration="forty")
    with pytest.raises(errors.MalformedResponseError):
        await live.sync()
    report = await live.sync(on_bad_record="skip", page_size=50)
    assert report.bad_records == 1
    assert len(live.copied()) == 299


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_progress_goes_forwards(live: Live, concurrency: int) -> None:
    """Calls, requests and seconds never fall; the last word is the report's."""
    live.time.now += 1
    told: list[SyncProgress] = []
    report = await live.sync(page_size=20, concurrency=concurrency, progress=told.append)
    for name in ("calls", "requests", "seconds", "reached", "share"):
        values = [getattr(one, name) for one in told]
        assert values == sorted(values), name
    assert len(told) > 10
    assert told[-1].calls == report.calls == 300
    assert told[-1].requests <= report.requests == live.asked()
    assert 0 < told[0].share < told[-1].share <= 1


async def test_a_progress_that_fails(live: Live) -> None:
    """Its exception passes through; what was written stays and is gone on with (A9)."""

    def fails(_: SyncProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await live.sync(page_size=25, progress=fails)
    assert 0 < len(live.copied()) < 300
    await live.sync()
    assert live.is_same()


# Clocks


@pytest.mark.parametrize("skew", [-HOUR, HOUR, -86_400.0, 86_400.0])
async def test_a_wrong_local_clock_loses_nothing(live: Live, skew: float) -> None:
    """An hour or a day slow or fast: every call arrives, also late ones (P13)."""
    live.time.skew = skew
    for _ in range(8):
        live.time.now += 300
        live.add(ago=10)
        live.add(ago=550)
        await live.sync(lookback=timedelta(seconds=600))
    live.time.now += 900
    await live.sync(lookback=timedelta(seconds=600))
    assert live.is_same()
    assert live.state("watermark") <= f"{moment(live.time.now - 120):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("days", [-1, -3, -400, 3650])
async def test_a_clock_that_jumps(live: Live, days: int) -> None:
    """A day or years back, ten years forward: the watermark stays, and is right again after it."""
    await live.sync()
    before = live.state("watermark")
    live.time.skew = days * 86_400.0
    live.add()
    await live.sync()
    assert live.state("watermark") == before
    live.time.skew = 0
    live.time.now += 300
    await live.sync()
    assert live.is_same()
    assert live.state("watermark") > before


async def test_a_server_whose_clock_was_fast_once(live: Live) -> None:
    """Its Date does not carry the watermark beyond this machine's time."""
    fast = Fault.headers({"Date": "Sun, 06 Nov 2033 08:49:37 GMT"})
    live.fake.fail(LIST, fast, times=100)
    await live.sync()
    assert live.state("watermark") <= f"{moment(NOON):%Y-%m-%dT%H:%M:%SZ}"
    for fault in live.fake._faults.waiting:
        fault.remaining = 0
    live.time.now += 600
    live.add(ago=300)
    await live.sync()
    assert live.is_same()


async def test_a_clock_that_jumps_while_a_run_is_interrupted(live: Live) -> None:
    """The stored place may lie after the time that this clock tells."""
    await broken_off(live, 10, concurrency=1)
    live.time.skew = -30 * 86_400.0
    await live.sync()
    live.time.skew = 0
    await live.sync()
    assert live.is_same()
