"""The HTTP transport and its options. Its faults are tested in tests/faults."""

from __future__ import annotations

import asyncio
import gc
import weakref

import aiohttp
import pytest

from roistat_async import RetryPolicy, errors
from tests.helpers.clients import QUICK, client
from tests.helpers.raw_server import RawServer, answer, replies, silent, success

GOOD = success(data=[])


async def test_a_response_is_not_kept_after_its_use() -> None:
    """The timers of a finished request keep neither its task nor the task's result alive."""

    class Result:
        """Object that a weak reference can refer to."""

    async def list_scripts() -> Result:
        await roistat.scripts.list()
        return Result()

    async with RawServer(replies(GOOD)) as server, client(server.base_url) as roistat:
        task = asyncio.create_task(list_scripts())
        result = weakref.ref(await task)
        del task
        await asyncio.sleep(0)  # asyncio itself keeps a task until the loop runs again
        gc.collect()
        assert result() is None


async def test_a_large_error_is_not_read_to_its_end() -> None:
    """A response with an error status may have 1 MiB, although a list may have more."""
    script = replies(answer(bytes(3 << 20), status="500 Oops"))
    async with RawServer(script) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.MalformedResponseError, match="larger than 1048576 bytes"):
            await roistat.scripts.list()


async def test_the_deadline_limits_connecting_too() -> None:
    """A TLS handshake that stalls ends at the deadline, which comes before Timeouts.connect."""
    async with RawServer(silent) as server:
        base_url = server.base_url.replace("http:", "https:")
        retry = RetryPolicy(max_attempts=9, deadline=0.1)
        async with client(base_url, retry=retry) as roistat, asyncio.timeout(5):
            with pytest.raises(errors.NotSentError, match="cannot connect"):
                await roistat.scripts.list()


async def test_a_silent_server_times_out_over_a_borrowed_session() -> None:
    """The error names its phase and seconds, and is a TimeoutError, as over an own session."""
    async with (
        RawServer(silent) as server,
        aiohttp.ClientSession() as session,
        client(server.base_url, session=session, timeouts=QUICK) as roistat,
    ):
        with pytest.raises(TimeoutError, match=r"no response within 0\.3 s") as caught:
            await roistat.scripts.list()
    assert isinstance(caught.value, errors.RequestTimeoutError)
    assert (caught.value.phase, caught.value.seconds) == ("response", 0.3)
