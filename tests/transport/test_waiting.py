"""Waits for the limits: what holds requests up, how long, and who is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Hooks, Limits, RetryPolicy, Roistat, WaitEvent, errors
from roistat_async.sync import sync_calls
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client, retrying_client
from tests.helpers.clock import JumpingClock

LIST = "project/calltracking/script/list"


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_t84_open_recordings_hold_up_no_request(fake: FakeRoistat, concurrency: int) -> None:
    """Code that reads a recording may send requests, whatever the concurrency."""
    limits = Limits(per_second=None, per_hour=None, concurrency=concurrency)
    call_id = next(iter(fake.state.recordings))
    barrier = asyncio.Barrier(concurrency)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits) as roistat:

        async def read_and_list() -> None:
            async with roistat.calls.recording(call_id) as body:
                await barrier.wait()
                assert await roistat.scripts.list()
                assert b"".join([chunk async for chunk in body]) == fake.state.recordings[call_id]

        async with asyncio.timeout(10):
            await asyncio.gather(*[read_and_list() for _ in range(concurrency)])
            assert all(await asyncio.gather(*[roistat.scripts.list() for _ in range(concurrency)]))


async def test_t81_a_create_that_waits_too_long_was_not_sent(fake: FakeRoistat) -> None:
    """It raises NotSentError without retries, and its slot in the queue is free again."""
    limits = Limits(per_second=None, per_hour=None, concurrency=1, queue_timeout=0.02)
    fake.fail("script/list", Fault.delay(0.3))
    async with client(fake.base_url, api_key=fake.api_key, limits=limits, attempts=4) as roistat:
        first = asyncio.create_task(roistat.scripts.list())
        await asyncio.sleep(0)
        with pytest.raises(errors.NotSentError, match=r"within 0\.02 s.*queue_timeout") as caught:
            await roistat.phones.create(["74950000001"])
        assert caught.value.permanent
        assert await first
        assert await roistat.scripts.list()
    assert len(fake.requests) == 2


async def test_t80_the_hours_limit_raises_beyond_the_deadline(
    fake: FakeRoistat, caplog: pytest.LogCaptureFixture
) -> None:
    """The error names the seconds, and nothing is sent; a shorter wait is reported and made."""
    clock, events = JumpingClock(), list[WaitEvent]()
    options: Any = {"clock": clock.clock, "hooks": Hooks(on_wait=events.append)}
    limits = Limits(per_second=None, per_hour=2)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits, **options) as roistat:
        for _ in range(2):
            await roistat.scripts.list()
        with pytest.raises(errors.RateLimitError, match="hour is used up") as caught:
            await roistat.scripts.list()
        assert (caught.value.retry_after, caught.value.code) == (3601, "local_limit")
        assert (clock.slept, len(fake.requests), events) == ([], 2, [])
        clock.now += 3501
        assert await roistat.scripts.list()
    assert clock.slept == [100]
    (event,) = events
    assert (event.operation, event.project, event.attempt) == (LIST, fake.project, 1)
    assert (event.reason, event.seconds) == ("hour", 100)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage().endswith("the hour's limit is used up; next request in 100 s")


async def test_t80_a_wait_for_the_hour_counts_for_the_deadline(fake: FakeRoistat) -> None:
    """After a wait of 100 of 120 seconds, a retry of 30 seconds is too late."""
    clock = JumpingClock()
    limits, retry = Limits(per_second=None, per_hour=1), RetryPolicy(base_delay=30, max_delay=30)
    options: Any = {"clock": clock.clock, "retry": retry, "limits": limits}
    async with client(fake.base_url, api_key=fake.api_key, **options) as roistat:
        await roistat.scripts.list()
        clock.now += 3501
        fake.fail("script/list", Fault.status(502))
        with pytest.raises(errors.ServerError):
            await roistat.scripts.list()
    assert clock.slept == [100]


async def list_patiently(roistat: Roistat, fake: FakeRoistat, folder: Path) -> None:
    patient = roistat.with_options(when_exhausted="wait")
    assert await patient.scripts.list()


async def save_recordings(roistat: Roistat, fake: FakeRoistat, folder: Path) -> None:
    ids = list(fake.state.recordings)[:2]
    async with roistat.calls.download_recordings(ids, folder, concurrency=1) as outcomes:
        assert {outcome.status.value async for outcome in outcomes} == {"saved"}


async def copy_calls(roistat: Roistat, fake: FakeRoistat, folder: Path) -> None:
    since = roistat.clock.utc_now() - timedelta(days=30)
    await sync_calls(roistat, folder / "calls.db", since=since)


Operation = Callable[[Roistat, FakeRoistat, Path], Awaitable[None]]


@pytest.mark.parametrize("operation", [list_patiently, save_recordings, copy_calls])
async def test_t80_who_chooses_to_wait_waits_for_the_hour(
    operation: Operation, fake: FakeRoistat, tmp_path: Path
) -> None:
    """Bulk downloads and syncs choose it by themselves."""
    clock = JumpingClock()
    options: Any = {"clock": clock.clock, "limits": Limits(per_hour=1, per_second=None)}
    async with client(fake.base_url, api_key=fake.api_key, **options) as roistat:
        await roistat.scripts.list()
        await operation(roistat, fake, tmp_path)
    assert clock.now - clock.start > 3600


async def test_t85_clients_that_share_the_limit_lose_no_request() -> None:
    """Three clients, as in three processes, send at the whole rate each, and all is served."""
    quirks = Quirks(rate_per_second=30, rate_per_hour=None)
    limits = Limits(per_second=30, per_hour=None)
    with FakeRoistat(calls=1, quirks=quirks).in_thread() as fake:

        async def send() -> None:
            async with retrying_client(fake, limits=limits) as roistat:
                assert all(await asyncio.gather(*[roistat.scripts.list() for _ in range(20)]))

        await asyncio.gather(*[send() for _ in range(3)])
    assert len(fake.requests) > 60  # some were refused: each of the three has the whole limit
