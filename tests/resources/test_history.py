"""The sealed walk against a server: what it sends, and how it lives with what the server does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import frozen

from roistat_async import Period, RetryPolicy, Roistat, errors
from roistat_async.paging.history import History
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock

LIST = "call/list"
NOON = 1_800_000_000
START = datetime.fromtimestamp(NOON, UTC) - timedelta(days=100)


@frozen
class World:
    """A server, a client for it, and a walk over all its calls."""

    fake: FakeRoistat
    roistat: Roistat

    def walk(self, **options: Any) -> History:
        """Make a walk over everything."""
        period = Period(START, datetime.fromtimestamp(NOON, UTC) + timedelta(days=1))
        return self.roistat.calls.history(period, **options)

    @property
    def limits(self) -> list[int]:
        """Return the limit of each request so far."""
        return [seen.body["limit"] for seen in self.fake.requests]

    def tie(self, count: int, number: int = 100) -> None:
        """Add so many calls to the second of a call."""
        date = self.fake.state.calls[number]["date"]
        for _ in range(count):
            self.fake.state.add_call(date=date)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Run a server of 500 calls whose clock stands still; the client's is months behind."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=500, quirks=quirks, clock=lambda: NOON) as fake:
        clock = JumpingClock(start=0.0).clock
        async with client(fake.base_url, api_key=fake.api_key, clock=clock) as roistat:
            yield World(fake, roistat)


async def ids(walk: History) -> list[str]:
    """Walk to the end."""
    return [call.id async for call in walk]


async def test_what_is_sent(world: World) -> None:
    """Dates and nothing else, ascending, offset 0, with the parts and the page size asked for."""
    await ids(world.walk(page_size=600, extend=("visit", "order")))
    first = world.fake.requests[0]
    assert first.path.endswith("/project/calltracking/call/list")
    assert first.body == {
        "filters": {
            "and": [
                ["date", ">", "2026-10-07T07:59:59+0000"],
                ["date", "<", "2027-01-16T08:00:00+0000"],
            ]
        },
        "sort": ["date", "asc"],
        "extend": ["visit", "order"],
        "limit": 600,
        "offset": 0,
    }


async def test_extended_calls(world: World) -> None:
    """Visits and orders come with the calls that have one, and only if asked for."""
    calls = [call async for call in world.walk(extend=("visit", "order"))]
    assert any(call.visit for call in calls)
    assert any(call.order for call in calls)
    assert not any(call.visit or call.order for call in [one async for one in world.walk()])


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
@pytest.mark.parametrize("page_size", [25, 50, 250, 500, 1000])
async def test_each_call_once_at_few_requests(
    world: World, page_size: int, concurrency: int
) -> None:
    """Exactly the server's calls; at most a quarter more requests than pages, and four."""
    walk = world.walk(page_size=page_size, concurrency=concurrency)
    assert await ids(walk) == world.fake.state.calls.ids()
    assert len(world.fake.requests) == walk.report.requests <= 1.25 * -(-500 // page_size) + 4


async def test_requests_overlap(world: World) -> None:
    """Several are at the server at once, never more than `concurrency`."""
    world.fake.quirks.latency = 0.002
    assert len(await ids(world.walk(page_size=25, concurrency=3))) == 500
    assert world.fake.peak_in_flight == 3


async def test_nothing_in_the_period(world: World) -> None:
    """One request shows it."""
    empty = world.roistat.calls.history(Period(START - timedelta(days=9), START))
    assert await ids(empty) == []
    assert len(world.fake.requests) == 1
    assert empty.report.is_complete


async def test_sealed_by_the_date_of_the_answer(world: World) -> None:
    """Two minutes before the server's time, though this machine is months behind."""
    walk = world.walk(settle=timedelta(seconds=120))
    await ids(walk)
    assert walk.report.sealed_until == datetime.fromtimestamp(NOON - 120, UTC)
    assert walk.report.unsealed_rows == 1  # the newest call of the server is a minute old


@pytest.mark.parametrize("ties", ["stable", "shuffled"])
async def test_a_second_fuller_than_a_page(world: World, ties: Any) -> None:
    """Found whole, though the server draws the order of its calls anew for each request."""
    world.fake.quirks.ties = ties
    world.tie(70)
    walk = world.walk(page_size=25)
    assert sorted(await ids(walk)) == sorted(world.fake.state.calls.ids())
    assert walk.report.overfull_seconds == 1


async def test_a_full_second_where_offset_is_ignored(world: World) -> None:
    """Refused with the place; a larger page goes on from there."""
    world.fake.quirks.ignore_offset = True
    world.tie(70)
    walk = world.walk(page_size=25)
    found: list[str] = []

    async def go() -> None:
        async for call in walk:
            found.append(call.id)

    with pytest.raises(errors.PagingError, match="page_size") as caught:
        await go()
    assert caught.value.rows == len(found) > 50
    more = await ids(world.walk(page_size=200, resume_from=caught.value.resume_token))
    assert sorted(found + more) == sorted(world.fake.state.calls.ids())


@pytest.mark.parametrize("quirk", ["descending_only", "ignore_sort"])
@pytest.mark.parametrize("page_size", [1, 20])
async def test_a_server_that_gives_the_newest_first(
    world: World, quirk: str, page_size: int
) -> None:
    """Refused at once, also where a page of one row shows no order."""
    setattr(world.fake.quirks, quirk, True)
    with pytest.raises(errors.PagingError, match="sort"):
        await ids(world.walk(page_size=page_size))
    assert len(world.fake.requests) < 6


async def test_a_server_that_ignores_filters(world: World) -> None:
    """Its page holds calls of another time: refused."""
    world.fake.quirks.ignore_filters = True
    date = datetime.fromtimestamp(NOON, UTC) - timedelta(days=3)
    with pytest.raises(errors.PagingError, match="outside"):
        await ids(world.roistat.calls.history(Period(date, date + timedelta(hours=5))))


@pytest.mark.parametrize(
    "quirks",
    [
        {"max_limit": 30},
        {"max_limit": 1},
        {"date_after_inclusive": True},
        {"total": "page"},
        {"total": "string"},
        {"total": "negative"},
        {"total": "absent"},
        {"total": None},
        {"ignore_offset": True},
        {"gzip": True},
    ],
    ids=str,
)
async def test_habits_that_do_no_harm(world: World, quirks: dict[str, Any]) -> None:
    """A clamped limit, an odd total, a bound that is meant itself: each call once all the same."""
    for name, value in quirks.items():
        setattr(world.fake.quirks, name, value)
    assert await ids(world.walk(page_size=100)) == world.fake.state.calls.ids()


# Less is asked for


async def test_a_period_that_is_too_long(world: World) -> None:
    """After "Try smaller period" it walks in shorter ones, and finds the same."""
    world.fake.quirks.max_period_days = 3
    assert await ids(world.walk()) == world.fake.state.calls.ids()
    assert len(world.fake.requests) < 101 / 3 * 2 + 12


async def test_a_period_that_is_always_too_long(world: World) -> None:
    """It comes down to a second, and then what Roistat said is raised."""
    world.fake.quirks.max_period_days = 0
    with pytest.raises(errors.InvalidRequestError, match="smaller period"):
        await ids(world.walk())
    assert len(world.fake.requests) < 30


async def test_a_limit_that_is_refused(world: World) -> None:
    """It halves the limit until it is taken, and remembers that."""
    world.fake.quirks.refuse_limit_above = 130
    assert await ids(world.walk(page_size=1000)) == world.fake.state.calls.ids()
    assert world.limits[:4] == [1000, 500, 250, 125]
    assert set(world.limits[4:]) == {125}


async def test_a_limit_that_is_always_refused(world: World) -> None:
    """It comes down to 1, and then what Roistat said is raised."""
    world.fake.quirks.refuse_limit_above = 0
    with pytest.raises(errors.InvalidRequestError, match="limit"):
        await ids(world.walk(page_size=1000))
    assert world.limits[-1] == 1
    assert len(world.limits) == 10


CUTS = [
    Fault.truncated(),
    Fault.cut_chunks(),
    Fault.unframed(),
    Fault.garbage(b'{"data":[{"id"'),
    Fault.status(500),
    Fault.html(),
    Fault.reset(),
]


@pytest.mark.parametrize("fault", CUTS, ids=lambda fault: fault.name)
async def test_an_answer_that_breaks_off(world: World, fault: Fault) -> None:
    """While large pages break off it asks for smaller ones, and goes on."""
    world.fake.fail(LIST, fault, times=50, when=lambda seen: seen.body["limit"] > 150)
    assert await ids(world.walk(page_size=1000)) == world.fake.state.calls.ids()
    assert world.limits[:4] == [1000, 500, 250, 125]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.truncated(), errors.TransportError),
        (Fault.garbage(b'{"data":[{"id"'), errors.MalformedResponseError),
        (Fault.error("internal_error"), errors.ServerError),
    ],
    ids=["truncated", "garbage", "error"],
)
async def test_an_answer_that_always_breaks_off(
    world: World, fault: Fault, kind: type[Exception]
) -> None:
    """After three smaller ones in a row the error itself is raised."""
    world.fake.fail(LIST, fault, times=50)
    with pytest.raises(kind):
        await ids(world.walk(page_size=1000))
    assert world.limits == [1000, 500, 250, 125]


async def test_an_answer_that_is_too_large(world: World) -> None:
    """More than may be read (32 MiB) is a reason to ask for less, too."""
    large = Fault.rewrite(lambda body: body + b" " * 33 * 1024 * 1024)
    world.fake.fail(LIST, large, when=lambda seen: seen.body["limit"] > 500)
    assert await ids(world.walk(page_size=1000)) == world.fake.state.calls.ids()
    assert world.limits[:2] == [1000, 500]


async def test_an_answer_that_comes_too_slowly(world: World) -> None:
    """A large page that does not come within the deadline is asked for in smaller ones."""
    drip = Fault.trickle(size=512, pause=0.01)
    world.fake.fail(LIST, drip, when=lambda seen: seen.body["limit"] > 500)
    policy = RetryPolicy(max_attempts=1, deadline=0.8)
    async with client(world.fake.base_url, api_key=world.fake.api_key, retry=policy) as roistat:
        hasty = World(world.fake, roistat)
        assert await ids(hasty.walk(page_size=1000)) == world.fake.state.calls.ids()
    assert world.limits[:2] == [1000, 500]


async def test_breaks_far_from_each_other(world: World) -> None:
    """Only cuts in a row count: many in a long walk do not end it."""
    cuts = {1, 3, 5, 7, 9}
    world.fake.fail(LIST, Fault.close_silently(), times=5, when=lambda _: len(world.limits) in cuts)
    assert await ids(world.walk(page_size=320, concurrency=1)) == world.fake.state.calls.ids()
    assert min(world.limits) == 320 // 2**5


async def test_refused_keys_are_not_asked_again(world: World) -> None:
    """Less would not help."""
    world.fake.fail(LIST, Fault.error("authentication_failed"))
    with pytest.raises(errors.AuthenticationError):
        await ids(world.walk())
    assert len(world.fake.requests) == 1


async def test_a_page_that_fails_for_good(world: World) -> None:
    """No partial history: what came before it is given, then its error and the place (P9)."""
    world.fake.fail(LIST, Fault.error("access_denied"), when=lambda _: len(world.limits) == 5)
    walk = world.walk(page_size=50, concurrency=1)
    found: list[str] = []

    async def go() -> None:
        async for call in walk:
            found.append(call.id)

    with pytest.raises(errors.AccessDeniedError):
        await go()
    assert 0 < len(found) < 500
    more = await ids(world.walk(page_size=50, resume_from=walk.resume_token))
    assert found + more == world.fake.state.calls.ids()


# Bad records


@pytest.fixture
def bad(world: World) -> None:
    """Let three calls be unreadable, one of them at the end of a page."""
    for number in (3, 49, 200):
        world.fake.state.edit_call(world.fake.state.calls[number]["id"], duration="forty")


@pytest.mark.usefixtures("bad")
async def test_a_bad_record_is_raised(world: World) -> None:
    """With its place; what comes before its page was given."""
    with pytest.raises(errors.MalformedResponseError) as caught:
        await ids(world.walk(page_size=50))
    assert caught.value.path == "$.data[3].duration"


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize("page_size", [5, 50, 1000])
async def test_bad_records_are_skipped(world: World, page_size: int) -> None:
    """All others are given; each bad one is reported once, though its page may be read twice."""
    walk = world.walk(page_size=page_size, on_bad_record="skip")
    assert len(await ids(walk)) == 497
    assert walk.report.bad_records == len(walk.bad_records) == 3
    assert {record.path for record in walk.bad_records} == {".duration"}


@pytest.mark.usefixtures("bad")
async def test_a_page_of_bad_records_only(world: World) -> None:
    """Skipping has an end: with no date to be seen the walk could not go on."""
    with pytest.raises(errors.PagingError, match="no record of a page can be read"):
        await ids(world.walk(page_size=1, on_bad_record="skip"))


# Arguments


@pytest.mark.parametrize(
    "wrong",
    [
        {"extend": ("visits",)},
        {"extend": "visit"},
        {"page_size": 0},
        {"concurrency": 0},
        {"settle": timedelta(-1)},
        {"on_bad_record": "ignore"},
        {"resume_from": "the beginning"},
    ],
    ids=str,
)
async def test_wrong_arguments(world: World, wrong: dict[str, Any]) -> None:
    """Found when the walk is made, before any request."""
    with pytest.raises(errors.ConfigurationError):
        world.walk(**wrong)
    assert not world.fake.requests


async def test_resume_from_is_text_for_anybody(world: World) -> None:
    """It holds dates and ids of calls, and no number of a person."""
    walk = world.walk(page_size=50)
    async for call in walk:
        if call.id == "10123":
            break
    place = walk.resume_token
    assert json.loads(place).keys() == {"next", "sealed", "given"}
    assert "7900" not in place
    more = await ids(world.walk(resume_from=place))
    assert more == world.fake.state.calls.ids()[123:]
