"""The history of calls on a server: what it sends, and what it makes of the responses.

The rules of the walk itself are tested in tests/paging.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import frozen

from roistat_async import Call, Period, RetryPolicy, Roistat, errors
from roistat_async.paging.history import History
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock
from tests.paging.changing_list import append_ids, ids_of

LIST = "call/list"
NOON = 1_800_000_000
START = datetime.fromtimestamp(NOON, UTC) - timedelta(days=100)
PERIOD = Period(START, datetime.fromtimestamp(NOON, UTC) + timedelta(days=1))


@frozen
class Server:
    """Server of 500 calls, and a client for it."""

    fake: FakeRoistat
    roistat: Roistat

    def walk(self, **options: Any) -> History:
        """Return a walk over all calls."""
        return self.roistat.calls.history(PERIOD, **options)

    @property
    def limits(self) -> list[int]:
        """The limit of each request so far."""
        return [request.body["limit"] for request in self.fake.requests]

    @property
    def ids(self) -> list[str]:
        """The ids of all calls, in order of date."""
        return self.fake.state.calls.ids()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Run a server whose clock stands still; the client's is months behind."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=500, quirks=quirks, clock=lambda: NOON) as fake:
        clock = JumpingClock(start=0.0).clock
        async with client(fake.base_url, api_key=fake.api_key, clock=clock) as roistat:
            yield Server(fake, roistat)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("page_size", [25, 250, 1000])
async def test_each_call_once(server: Server, page_size: int, concurrency: int) -> None:
    """A walk costs at most a quarter more requests than pages, and four; they overlap."""
    server.fake.quirks.latency = 0.002
    walk = server.walk(page_size=page_size, concurrency=concurrency)
    assert await ids_of(walk) == server.ids
    assert len(server.fake.requests) == walk.report.requests <= 1.25 * -(-500 // page_size) + 4
    peak = server.fake.peak_in_flight
    assert min(concurrency, 1000 // page_size) >= peak > concurrency // page_size


async def test_sealed_by_the_date_of_the_response(server: Server) -> None:
    """The seal is two minutes before the server's time, whatever the local clock says."""
    walk = server.walk(settle=timedelta(seconds=120))
    await ids_of(walk)
    assert walk.report.sealed_until == datetime.fromtimestamp(NOON - 120, UTC)
    assert walk.report.unsealed_rows == 1  # the newest call of the server is a minute old


async def test_a_period_that_is_too_long(server: Server) -> None:
    """After "Try smaller period" the walk requests shorter ones, and empty ones twice."""
    server.fake.quirks.max_period_days = 3
    assert await ids_of(server.walk()) == server.ids
    assert len(server.fake.requests) < 2 * 101 / 1.5 + 12


CUT_JSON = Fault.garbage(b'{"data":[{"id"')
CUTS = [
    *[Fault.truncated(), Fault.cut_chunks(), Fault.unframed(), CUT_JSON],
    *[Fault.status(500), Fault.html(), Fault.reset(), None],
]


@pytest.mark.parametrize("fault", CUTS, ids=lambda fault: fault.name if fault else "refused")
async def test_a_limit_that_is_too_large(server: Server, fault: Fault | None) -> None:
    """The limit is halved until it is accepted and the page arrives whole; then it stays so."""
    if fault is None:
        server.fake.quirks.refuse_limit_above = 150
    else:
        server.fake.fail(LIST, fault, times=50, when=lambda request: request.body["limit"] > 150)
    assert await ids_of(server.walk(page_size=1000)) == server.ids
    assert server.limits[:4] == [1000, 500, 250, 125]
    assert fault or set(server.limits[4:]) == {125}


@pytest.mark.parametrize(
    ("quirk", "match", "requests"),
    [("max_period_days", "smaller period", 24), ("refuse_limit_above", "limit", 10)],
)
async def test_a_refused_request(server: Server, quirk: str, match: str, requests: int) -> None:
    """After the smallest request the error of Roistat is raised."""
    setattr(server.fake.quirks, quirk, 0)
    with pytest.raises(errors.InvalidRequestError, match=match):
        await ids_of(server.walk(page_size=1000))
    assert len(server.limits) == requests


REDUCED = [1000, 500, 250, 125, 1]


@pytest.mark.parametrize(
    ("error", "fault", "limits"),
    [
        (errors.TransportError, Fault.truncated(), REDUCED),
        (errors.MalformedResponseError, CUT_JSON, REDUCED),
        (errors.ServerError, Fault.error("internal_error"), REDUCED),
        (errors.AccessDeniedError, Fault.error("access_denied"), [1000]),
    ],
)
async def test_a_fault_that_lasts(
    server: Server, error: type[Exception], fault: Fault, limits: list[int]
) -> None:
    """The error is raised after as many smaller requests as may help, the last for one call."""
    server.fake.fail(LIST, fault, times=50)
    with pytest.raises(error):
        await ids_of(server.walk(page_size=1000))
    assert server.limits == limits


async def test_p46_pages_are_reduced_to_one_call(server: Server) -> None:
    """If responses with a certain call are too large, the walk requests less, down to one call."""
    server.fake.state.calls = list(server.fake.state.calls)[:60]
    server.fake.fail(LIST, Fault.truncated(), 999, when=lambda request: request.body["limit"] > 2)
    assert (await ids_of(server.walk(page_size=1000)), min(server.limits[10:])) == (server.ids, 1)


@pytest.mark.parametrize(
    ("fault", "deadline"),
    [
        (Fault.rewrite(lambda body: body + b" " * 33 * 1024 * 1024), 60),
        (Fault.trickle(size=512, pause=0.05), 2),
    ],
    ids=["above 32 MiB", "too slow"],
)
async def test_a_response_that_is_too_large(server: Server, fault: Fault, deadline: float) -> None:
    """A page that is too large to read, or to arrive in time, is requested in smaller ones."""
    server.fake.fail(LIST, fault, times=9, when=lambda request: request.body["limit"] > 500)
    policy = RetryPolicy(max_attempts=1, deadline=deadline)
    async with client(server.fake.base_url, api_key=server.fake.api_key, retry=policy) as roistat:
        assert await ids_of(roistat.calls.history(PERIOD, page_size=1000)) == server.ids
    assert server.limits[:2] == [1000, 500]


async def test_cuts_far_from_each_other(server: Server) -> None:
    """Only cuts in a row count: many in a long walk do not end it."""
    fault, cuts = Fault.close_silently(), {1, 3, 5, 7, 9}
    server.fake.fail(LIST, fault, times=5, when=lambda _: len(server.limits) in cuts)
    assert await ids_of(server.walk(page_size=320, concurrency=1)) == server.ids
    assert min(server.limits) >= 320 // 2**5  # not 1, as after several cuts in a row


@pytest.mark.parametrize("page_size", [5, 50, 1000])
async def test_bad_records(server: Server, page_size: int) -> None:
    """A bad record is raised with its path, or skipped and reported once, whatever its page."""
    for number in (3, 49, 200):  # the second at the end of a page
        server.fake.state.edit_call(server.ids[number], id="")
    with pytest.raises(errors.MalformedResponseError) as caught:
        await ids_of(server.walk(page_size=page_size))
    assert caught.value.path == "$.data[3].id"
    walk = server.walk(page_size=page_size, on_bad_record="skip")
    assert len(await ids_of(walk)) == 497
    assert walk.report.bad_records == len(walk.bad_records) == 3
    assert {record.path for record in walk.bad_records} == {".id"}
    server.fake.state.edit_call(server.ids[1], date="soon")
    await ids_of(walk)
    assert [record.id for record in walk.bad_records if record.path == ".date"] == [server.ids[1]]


async def test_p41_an_empty_success_in_the_middle(server: Server) -> None:
    """An empty success, even beside a total, seals no walk and ends no list."""
    body = b'{"status": "success", "data": null, "total": 700}'
    pager = server.roistat.calls.list(sort=("date", "asc"), page_size=50)
    for calls in (server.walk(page_size=50), pager):
        server.fake.requests.clear()
        fault = Fault.rewrite(lambda _: body)
        server.fake.fail(LIST, fault, when=lambda _: len(server.limits) == 4)
        assert await ids_of(calls) == server.ids


async def test_where_returns_the_calls_that_match(server: Server) -> None:
    """A condition leaves calls and empty pages out; requests and the report are as without it."""
    matching = server.ids[250:255]
    walk = server.walk(page_size=100, where=lambda call: call.id in matching)
    assert await ids_of(walk) == matching
    requests = len(server.fake.requests)
    assert (walk.report.rows, walk.report.is_complete) == (500, True)
    pages = [page async for page in walk.pages()]
    assert [call.id for page in pages for call in page.items] == matching
    assert all(page.items for page in pages)
    await ids_of(server.walk(page_size=100))
    assert len(server.fake.requests) == 3 * requests


@pytest.mark.parametrize("index", [0, 37])
@pytest.mark.parametrize("by_page", [False, True])
async def test_a_condition_that_raises(server: Server, by_page: bool, index: int) -> None:
    """A walk resumes with the call whose condition raised; its token holds no phone number."""
    failing = server.ids[index]

    def where(call: Call) -> bool:
        if call.id == failing:
            raise ZeroDivisionError
        return True

    walk = server.walk(page_size=20, where=where)
    calls = (call async for page in walk.pages() for call in page.items)
    ids: list[str] = []
    with pytest.raises(ZeroDivisionError):
        await append_ids(ids, calls if by_page else walk)
    assert failing not in ids
    assert "7900" not in walk.resume_token
    assert [*ids, *await ids_of(server.walk(resume_from=walk.resume_token))] == server.ids


@pytest.mark.parametrize("where", [asyncio.sleep, "status", [("status", "=", "BUSY")]])
async def test_a_condition_must_be_a_plain_function(server: Server, where: Any) -> None:
    """An async function, which is always true, or a filter is refused before any request."""
    with pytest.raises(errors.ConfigurationError, match="where must be a plain function"):
        server.walk(where=where)
    assert server.fake.requests == []
