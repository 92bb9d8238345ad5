"""A sync waits for an outage or a limit to end, says so, and continues where it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from roistat_async import errors
from roistat_async.sync import SyncWait
from roistat_async.sync.patience import Patience
from roistat_async.testing import Fault
from tests.helpers.clock import JumpingClock
from tests.sync.live import LIST, NOON, Live

MINUTE = 60.0
FAILURES = {
    "502": Fault.status(502),
    "lost connections": Fault.reset(),
    "429 without Retry-After": Fault.error("request_limit_error"),
}


@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)
async def test_t50_an_outage_of_minutes_is_waited_out(live: Live, fault: Fault) -> None:
    """The run continues at the page where it was (docs/fault-matrix.md T50)."""
    waits: list[SyncWait] = []

    def is_out(_: object) -> bool:
        return len(live.fake.requests) > 5 and live.time.now < NOON + 10 * MINUTE

    live.fake.fail(LIST, fault, times=10**6, when=is_out)
    report = await live.sync(page_size=25, concurrency=2, on_wait=waits.append)
    assert live.is_same()
    assert report.calls == report.added == 300
    assert {wait.project for wait in waits} == {live.fake.project}
    assert live.time.now < NOON + 16 * MINUTE


async def test_t50_a_longer_outage_fails_the_run(live: Live) -> None:
    """What was copied stays, and the next run resumes; 0 switches the waits off."""
    is_out = True

    def is_failing(_: object) -> bool:
        return is_out and len(live.fake.requests) > 5

    live.fake.fail(LIST, FAILURES["502"], times=10**6, when=is_failing)
    for retry_for, seconds in ((timedelta(minutes=5), 300), (timedelta(0), 0)):
        started_at = live.time.now
        with pytest.raises(errors.ServerError):
            await live.sync(page_size=25, concurrency=1, retry_for=retry_for)
        assert live.time.now - started_at <= seconds + 2 * MINUTE
    copied = len(live.copied())
    assert copied > 50
    is_out = False
    assert (await live.sync()).added == 300 - copied


async def test_t50_a_used_up_limit_is_waited_for(live: Live) -> None:
    """For up to an hour, whatever `retry_for` is; a pause of a day fails the run at once."""
    waits: list[SyncWait] = []
    live.fake.fail(LIST, Fault.retry_after("2400"), times=1)
    await live.sync(on_wait=waits.append, retry_for=timedelta(minutes=1))
    assert live.is_same()
    live.fake.fail(LIST, Fault.retry_after("86400"), times=1)
    with pytest.raises(errors.RateLimitError) as raised:
        await live.sync(on_wait=waits.append)
    assert raised.value.retry_after == 86400
    assert [round(wait.seconds) for wait in waits] == [2400]


async def test_delays_double_until_a_success() -> None:
    """They begin at five seconds and end at five minutes; a success starts anew."""
    time = JumpingClock()
    patience = Patience(time.clock, timedelta(hours=2), 1, None)
    for _ in range(8):
        await patience.wait(errors.TransportError("lost"))
    patience.reset()
    await patience.wait(errors.TransportError("lost"))
    assert time.slept == [5, 10, 20, 40, 80, 160, 300, 300, 5]


@pytest.mark.parametrize(
    "error",
    [
        errors.AccessDeniedError("access_denied"),
        errors.PagingError("the list is not sorted"),
        errors.NotSentError("no such host", permanent=True),
        errors.MalformedResponseError("expected an id", path="$.data[0].id"),
        errors.SyncError("the disk is full", temporary=True),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_stays_is_raised_at_once(error: errors.RoistatError) -> None:
    """Waiting does not help, or the next run is to decide."""
    time = JumpingClock()
    with pytest.raises(type(error)) as raised:
        await Patience(time.clock, timedelta(hours=1), 1, None).wait(error)
    assert raised.value is error
    assert time.slept == []
