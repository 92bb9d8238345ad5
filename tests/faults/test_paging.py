"""Rows P: a list that changes or breaks its rules while it is read, one short test each.

Thousands of worlds more are in tests/paging and tests/sync.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client
from tests.sync.live import NOON, Live, living, moment

pytestmark = pytest.mark.usefixtures("nothing_left")

WHOLE = Period(moment(NOON - 9000), moment(NOON))


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Return a fake with a call every thirty seconds, the newest ten minutes old."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=0, quirks=quirks, clock=lambda: NOON) as fake:
        for number in range(60):
            fake.state.add_call(date=NOON - 600 - 30 * number)
        yield fake


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client of it."""
    async with client(fake.base_url, api_key=fake.api_key, attempts=3) as roistat:
        yield roistat


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Return a server and a copy of it."""
    async with living(tmp_path / "calls.db", calls=5) as live:
        yield live


async def walked(roistat: Roistat, **options: Any) -> list[str]:
    """Walk the history in small pages; return the ids, and check that none is repeated."""
    walk = roistat.calls.history(WHOLE, page_size=7, concurrency=1, **options)
    ids = [call.id async for call in walk]
    assert len(set(ids)) == len(ids)
    assert walk.report.is_complete
    return ids


def all_ids(fake: FakeRoistat) -> set[str]:
    """Return the ids of all calls."""
    return {row["id"] for row in fake.state.calls}


async def test_p1_inserts_at_the_head(fake: FakeRoistat, roistat: Roistat) -> None:
    """New calls before each page: the walk loses none, and neither walk nor pager repeats one."""
    stayed, dates = all_ids(fake), iter(range(NOON - 500, NOON - 450))
    fake.on_request = lambda _: [fake.state.add_call(date=date) for date in islice(dates, 1)]
    assert set(await walked(roistat)) >= stayed
    paged = [call.id async for call in roistat.calls.list(page_size=7, prefetch=0)]
    assert len(set(paged)) == len(paged)
    assert set(paged) >= stayed


async def test_p2_deletes_between_pages(fake: FakeRoistat, roistat: Roistat) -> None:
    """With a deletion before each page the walk loses none of the others."""
    gone = sorted(all_ids(fake), key=int, reverse=True)[:6]
    stayed = all_ids(fake) - set(gone)
    waiting = [*gone]

    def delete_one(_: object) -> None:
        if waiting:
            fake.state.delete_call(waiting.pop(0))

    fake.on_request = delete_one
    assert set(await walked(roistat)) >= stayed


@pytest.mark.parametrize("ties", ["stable", "shuffled"])
async def test_p3_ties_in_one_second(fake: FakeRoistat, roistat: Roistat, ties: Any) -> None:
    """Six calls in each of ten seconds, in random order, are all returned."""
    fake.quirks.ties = ties
    fake.state.calls = []
    for number in range(60):
        fake.state.add_call(date=NOON - 900 + number // 6)
    assert set(await walked(roistat)) == all_ids(fake)


async def test_p4_pages_shorter_than_asked_for(fake: FakeRoistat, roistat: Roistat) -> None:
    """A limit that is silently cut to three ends neither walk nor pager."""
    fake.quirks.max_limit = 3
    assert set(await walked(roistat)) == all_ids(fake)
    assert {call.id async for call in roistat.calls.list(page_size=7)} == all_ids(fake)


async def test_p5_an_ignored_offset(fake: FakeRoistat, roistat: Roistat) -> None:
    """The walk needs no offset; the pager ends after the only page there is."""
    fake.quirks.ignore_offset = True
    assert set(await walked(roistat)) == all_ids(fake)
    paged = [call.id async for call in roistat.calls.list(page_size=7)]
    assert len(set(paged)) == len(paged) == 7
    assert len(fake.requests) < 40


async def test_p5_an_ignored_offset_in_one_second(fake: FakeRoistat, roistat: Roistat) -> None:
    """A second with more calls than a page on a server that ignores offsets is refused."""
    fake.quirks.ignore_offset = True
    for _ in range(20):
        fake.state.add_call(date=NOON - 700)
    with pytest.raises(errors.PagingError):
        await walked(roistat)


@pytest.mark.parametrize("habit", ["ignore_sort", "ignore_filters", "descending_only"])
async def test_p6_a_list_that_ignores_what_was_asked(
    fake: FakeRoistat, roistat: Roistat, habit: str
) -> None:
    """A list that ignores filters or order is refused."""
    fake.state.add_call(date=NOON - 20_000)  # outside of what is asked for
    setattr(fake.quirks, habit, True)
    with pytest.raises(errors.PagingError):
        await walked(roistat)


def _padded(body: bytes) -> bytes:
    first = body[body.index(b"[") + 1 : body.index(b"},") + 1]
    return body.replace(b"[", b"[" + first + b",", 1)


async def test_p6_an_id_twice_on_a_page(fake: FakeRoistat, roistat: Roistat) -> None:
    """A page that shows a call twice is refused."""
    fake.fail("call/list", Fault.rewrite(_padded), times=9)
    with pytest.raises(errors.PagingError):
        await walked(roistat)


@pytest.mark.parametrize("total", ["page", "string", "negative", "absent", None])
async def test_p7_total_decides_nothing(fake: FakeRoistat, roistat: Roistat, total: Any) -> None:
    """Walk and pager return each call, whatever the total says."""
    fake.quirks.total = total
    assert set(await walked(roistat)) == all_ids(fake)
    assert {call.id async for call in roistat.calls.list(page_size=7)} == all_ids(fake)


async def test_p7_total_of_an_empty_page(fake: FakeRoistat, roistat: Roistat) -> None:
    """A total above 0 with no data is an empty list, after one request."""
    fake.fail("call/list", Fault.rewrite(lambda _: b'{"status":"success","data":[],"total":9}'))
    assert await roistat.calls.list(prefetch=0).collect() == []


async def test_p8_more_than_a_page_in_one_second(fake: FakeRoistat, roistat: Roistat) -> None:
    """Twenty calls in one second are found at seven calls a page."""
    for _ in range(20):
        fake.state.add_call(date=NOON - 700)
    assert set(await walked(roistat)) == all_ids(fake)


async def test_p9_a_page_that_keeps_failing(fake: FakeRoistat, roistat: Roistat) -> None:
    """The error has the resume token, and a resumed walk returns all the others."""
    broken = [True]
    when = lambda _: broken[0] and len(fake.requests) > 3  # noqa: E731
    fake.fail("call/list", Fault.reset(), times=1000, when=when)
    walk = roistat.calls.history(WHOLE, page_size=7, concurrency=1)
    given: list[str] = []

    async def go() -> None:
        async for call in walk:
            given.append(call.id)

    with pytest.raises(errors.TransportError) as caught:
        await go()
    assert "resume_from" in caught.value.__notes__[0]
    assert not walk.report.is_complete
    broken[0] = False
    rest = await walked(roistat, resume_from=walk.resume_token)
    assert sorted([*given, *rest], key=int) == sorted(all_ids(fake), key=int)


async def test_p9_a_page_of_the_pager_that_fails(fake: FakeRoistat, roistat: Roistat) -> None:
    """collect() returns no part of a list."""
    fake.fail("call/list", Fault.reset(), times=3, when=lambda _: len(fake.requests) > 3)
    with pytest.raises(errors.TransportError):
        await roistat.calls.list(page_size=7, prefetch=0).collect()


async def test_p10_a_status_that_changes_later(live: Live) -> None:
    """A call last seen ACTIVE is read again until it has ended, beyond the lookback too."""
    call = live.add(ago=60, status="ACTIVE")
    live.time.now += 200
    await live.sync(lookback=timedelta(seconds=1))
    live.time.now += 7200
    await live.sync(lookback=timedelta(seconds=1))
    live.fake.state.edit_call(call, status="ANSWER")
    await live.sync(lookback=timedelta(seconds=1))
    assert live.is_same()


async def test_p11_a_record_that_appears_late(live: Live) -> None:
    """A call that appears late within the lookback is copied by the next sync."""
    await live.sync()
    live.time.now += 600
    live.add(ago=3600)
    await live.sync(lookback=timedelta(hours=2))
    assert live.is_same()


async def test_p12_a_record_that_was_deleted(live: Live) -> None:
    """A full sync of its period marks a deleted call; the usual one cannot."""
    call = live.add(ago=300)
    await live.sync()
    live.fake.state.delete_call(call)
    await live.sync()
    assert not live.is_same()
    await live.sync(reread=Period(live.since, moment(NOON)))
    assert live.is_same()


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
async def test_p13_a_local_clock_that_is_wrong(live: Live, skew: float) -> None:
    """The watermark goes by the server's Date, so a call between two syncs is not missed."""
    live.time.skew = skew
    await live.sync()
    live.time.now += 1800
    live.add(ago=1200)
    await live.sync(lookback=timedelta(0))
    assert live.is_same()
