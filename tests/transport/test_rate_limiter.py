"""The rate limiter: how many requests it permits, in which order, and after a rejection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async import Limits, errors
from roistat_async.clock import Clock
from roistat_async.transport import rate_limiter
from roistat_async.transport.rate_limiter import RateLimiter
from tests.transport.limited_clients import LimitedClients, SimulatedRequest

DAY = 86_400.0


SHARING = ["its own limits", "shared limits"]


@pytest.fixture(params=SHARING)
def shared_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Return the file of clients that share their limits, or None."""
    return tmp_path / "limits.db" if request.param == SHARING[1] else None


def requests(max_start: float = 3.0) -> st.SearchStrategy[list[SimulatedRequest]]:
    """Generate the requests of a simulation."""
    seconds = st.floats(0, max_start, allow_nan=False)
    ends = st.sampled_from(["sent", "sent", "sent", "unsent", "cancelled", "rejected"])
    request = st.builds(SimulatedRequest, seconds, st.floats(0, 2), st.floats(0, 2), ends)
    return st.lists(request, max_size=40)


@given(requests(), st.sampled_from([None, 0.4, 1, 2.5, 7.9, 10]), st.integers(1, 12))
@settings(max_examples=75)
def test_no_second_holds_more_than_its_limit(
    simulated: list[SimulatedRequest], per_second: float | None, concurrency: int
) -> None:
    """In no second, wherever it starts, more are sent than `per_second`; each permit returns."""
    clients = LimitedClients(per_second=per_second, concurrency=concurrency)

    async def run() -> None:
        await clients.run(simulated)
        assert clients.limiter.in_flight == 0
        await clients.time.sleep(2)
        seconds = await clients.send(concurrency, end="unsent")
        assert seconds == 0 or per_second is not None

    asyncio.run(run())
    assert clients.peak <= concurrency
    if per_second is not None:
        assert clients.busiest(max(1.0, 1 / per_second)) <= max(1, per_second)


@given(requests(max_start=8000), st.integers(1, 6))
@settings(max_examples=60)
def test_no_hour_holds_more_than_its_limit(
    simulated: list[SimulatedRequest], per_hour: int
) -> None:
    """No window of an hour holds more requests than `per_hour`."""
    clients = LimitedClients(per_hour=per_hour, concurrency=50)
    asyncio.run(clients.run(simulated))
    assert clients.busiest(3600.0) <= per_hour


@given(st.integers(1, 30), st.integers(1, 8))
@settings(max_examples=40)
def test_requests_are_permitted_in_order_of_arrival(count: int, concurrency: int) -> None:
    """The first to wait is the first to be permitted."""
    clients = LimitedClients(per_second=4, concurrency=concurrency)
    simulated = [SimulatedRequest(response=0.1, client=number) for number in range(count)]
    asyncio.run(clients.run(simulated))
    assert clients.permitted == simulated


async def test_a_late_request_does_not_overtake_one_that_waits_for_the_next_second() -> None:
    """It waits even if that second has begun before the first one wakes up."""
    now, wake = 1000.0, asyncio.Event()

    async def sleep(_: float) -> None:
        await wake.wait()

    limits = Limits(per_second=1, per_hour=None, concurrency=3)
    limiter = RateLimiter(limits, Clock(monotonic=lambda: now, sleep=sleep))
    async with limiter.permit() as permit:
        permit.mark_sent()
    order: list[str] = []

    async def send(name: str) -> None:
        async with limiter.permit():
            order.append(name)

    first = asyncio.create_task(send("first"))
    await asyncio.sleep(0)
    now += 2.0
    late = asyncio.create_task(send("late"))
    await asyncio.sleep(0)
    wake.set()
    await asyncio.gather(first, late)
    assert order == ["first", "late"]


@pytest.mark.parametrize(
    ("per_second", "count", "seconds"),
    [
        (10, 100, pytest.approx(9.25, abs=0.25)),
        (0.5, 5, pytest.approx(4 * 2.1)),
        (None, 500, 0),
    ],
)
async def test_the_limit_is_reached(per_second: float | None, count: int, seconds: float) -> None:
    """Requests wait no longer than they must; a limit below one is an interval of seconds."""
    clients = LimitedClients(per_second=per_second)
    assert await clients.send(count) == seconds
    assert clients.limiter.per_second == (per_second or float("inf"))
    assert clients.limiter.remaining_this_hour is None


@pytest.mark.parametrize("reason", ["hour", "refused"])
async def test_t80_a_wait_beyond_its_limit_is_refused_at_once(reason: str) -> None:
    """It is known how long the hour or a pause lasts, so nobody waits for nothing."""
    clients = LimitedClients(per_hour=5 if reason == "hour" else None)
    if reason == "hour":
        await clients.send(5)
        await clients.time.sleep(3500)
    else:
        await clients.reject(retry_after=101)
    start, waits = clients.time.now, list[tuple[str, float]]()
    with pytest.raises(errors.RateLimitError, match="when_exhausted") as caught:
        await clients.limiter.permit().acquire(100)
    assert (clients.time.now, caught.value.retry_after) == (start, 101)
    permit = clients.limiter.permit()
    assert await permit.acquire(101, lambda *wait: waits.append(wait)) == 101
    assert waits == [(reason, 101)]


async def test_the_wait_for_a_second_is_neither_limited_nor_reported() -> None:
    """It is usual and short, so no deadline ends it."""
    clients, waits = LimitedClients(per_second=0.5), list[object]()
    await clients.send(1)
    assert await clients.limiter.permit().acquire(1, lambda *wait: waits.append(wait)) == 0
    assert clients.time.now - clients.sent[0][0] == pytest.approx(2.1)
    assert waits == []


async def test_t81_a_queue_in_which_nothing_ends_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is one WARNING for each stall, and none while requests end or nobody waits."""
    monkeypatch.setattr(rate_limiter, "_STALL", 0.6)
    limiter = LimitedClients(concurrency=1).limiter

    async def hold(seconds: float) -> None:
        async with limiter.permit():
            await asyncio.sleep(seconds)

    await asyncio.gather(*[hold(0.1) for _ in range(8)])
    await hold(0.7)
    assert caplog.messages == []
    await asyncio.gather(hold(0.9), hold(0))
    assert caplog.messages == ["requests wait: none of the 1 at the same time ended for 1 s"]


async def test_waiting_is_no_busy_loop() -> None:
    """A clock so large that rounding shows does not make the limiter spin."""
    clients = LimitedClients(per_second=10, per_hour=5000)
    clients.time.now = 3e8 + 0.1
    await clients.send(60)
    assert clients.time.jumps < 400


async def test_a_slow_connection_counts_as_sent_now() -> None:
    """Requests permitted long ago are not sent in the same second as those permitted now."""
    clients = LimitedClients(per_second=2, concurrency=9)
    slow, quick = SimulatedRequest(connect=5), SimulatedRequest(start=4.9)
    await clients.run([slow, slow, quick, quick])
    assert clients.busiest() == 2


async def test_a_limiter_in_use_refuses_another_event_loop() -> None:
    """A live request of one loop is not forgotten because another loop asks."""
    limiter = RateLimiter(Limits(per_second=None, per_hour=None), Clock())
    async with limiter.permit():
        with pytest.raises(errors.RoistatError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, limiter.permit().acquire())


@pytest.mark.parametrize("limit", ["per_second", "per_hour"])
@pytest.mark.parametrize("seconds", [-DAY, 3652 * DAY], ids=["a day back", "ten years on"])
async def test_f9_a_clock_that_jumps_delays_nothing(limit: str, seconds: float) -> None:
    """A full second, or hour, that lies in the clock's future does not hold requests up."""
    clients = LimitedClients(None, 1, **{limit: 2})
    await clients.send(2)
    clients.time.now += seconds
    assert await clients.send(2) == 0
    if limit == "per_second":  # and the limit holds as before
        assert await clients.send(1) == pytest.approx(1.05)


async def test_f9_t95_a_pause_does_not_grow_with_a_clock_set_back(shared_file: Path | None) -> None:
    """A pause of 30 seconds stays one, for other clients too, and without a limit of an hour."""
    clients = LimitedClients(shared_file, per_second=2)
    await clients.reject(0, 30.0)
    clients.time.now -= DAY
    assert await clients.send(1, 1) == pytest.approx(30)


async def test_t97_a_refusal_halves_the_rate_and_calm_returns_it(shared_file: Path | None) -> None:
    """Every ten seconds without a refusal permit one more request a second, up to the limit."""
    clients = LimitedClients(shared_file, per_second=8)
    await clients.reject(0)
    await clients.time.sleep(1.5)
    for busiest in (4, 5, 6, 7, 8, 8):
        clients.sent.clear()
        await clients.send(10, 1)
        assert clients.busiest() == busiest
        await clients.time.sleep(10)


async def test_t97_refusals_of_one_burst_halve_the_rate_once(shared_file: Path | None) -> None:
    """Requests that were in flight together count as one refusal; later ones count, down to one."""
    clients = LimitedClients(shared_file, 3, per_second=10)
    permits = [await clients.reserve(client) for client in (0, 1, 2)]
    for permit in permits:
        permit.mark_sent()
    for permit in permits[:2]:
        permit.throttled(None)
        await clients.time.sleep(2)
    for busiest in (5, 2, 1, 1):
        clients.sent.clear()
        await clients.send(6, 2)
        assert clients.busiest() == busiest
        await clients.reject(0)
        await clients.time.sleep(1.5)


@pytest.mark.parametrize("is_sent", [True, False])
async def test_t97_retry_after_stops_all_requests(is_sent: bool, shared_file: Path | None) -> None:
    """No refusal shortens the pause, even if nobody reported the refused request as sent."""
    clients = LimitedClients(shared_file, per_second=8)
    other, refused = await clients.reserve(1), await clients.reserve(0)
    other.mark_sent()
    if is_sent:
        refused.mark_sent()
    refused.throttled(30.0)
    refused.release()
    other.throttled(None)
    assert await clients.send(3, 1) == pytest.approx(30)


async def test_t97_a_refusal_counts_without_a_limit_too(shared_file: Path | None) -> None:
    """Without a limit a refusal sets one for all, and ten calm seconds remove it."""
    clients = LimitedClients(shared_file)
    await clients.reject(0)
    await clients.send(40, 1)
    assert clients.busiest() == 10
    await clients.time.sleep(10)
    assert await clients.send(40, 1) == 0


@pytest.mark.parametrize("is_waiting", [True, False], ids=["waiting", "connecting"])
async def test_t98_a_cancelled_request_does_not_count(
    is_waiting: bool, shared_file: Path | None
) -> None:
    """Cancelled while it waits, or before it is sent, it leaves its slot to the others."""
    clients = LimitedClients(shared_file, per_second=1, per_hour=2, concurrency=1)
    if is_waiting:
        await clients.send(1, 0)
    request = asyncio.create_task(clients.send(1, 0, connect=2.0))
    await clients.time.sleep(0.5)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    delay = 0 if not is_waiting else 0.6 if shared_file else 0.55
    assert await clients.send(1, 1) == pytest.approx(delay, abs=0.03)
    assert clients.limiter.remaining_this_hour == 2 - len(clients.sent)
