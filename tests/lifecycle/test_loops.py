"""A4, A5, A8: left early, used in another loop, used by very many tasks."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async import Limits, Roistat, errors
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, replies, success

LEAVE_EARLY = """
import asyncio, gc, logging, sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from roistat_async import Limits, Period, Roistat
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat, Quirks

async def left(things):
    async for _ in things:
        break

async def main(fake, folder):
    limits = Limits(per_second=None, per_hour=None)
    since = datetime.now(UTC) - timedelta(days=30)
    ids = list(fake.state.recordings)[:6]
    given = {"base_url": fake.base_url, "limits": limits}
    async with Roistat(fake.api_key, fake.project, **given) as roistat:
        calls = roistat.calls
        await left(calls.list(page_size=10))
        await left(calls.list(page_size=10).pages())
        await left(calls.history(Period(since, datetime.now(UTC)), page_size=10))
        await left(calls.history(Period(since, datetime.now(UTC)), page_size=10).pages())
        await left(calls.download_recordings(ids, folder))
        async with calls.recording(ids[0]) as body:
            await left(body)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await sync_calls(roistat, f"{folder}/calls.db", since=since, page_size=10)
        await sync_calls(roistat, f"{folder}/calls.db", since=since, page_size=10)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await sync_recordings(roistat, f"{folder}/calls.db", f"{folder}/mp3")
    gc.collect()

# A busy machine is slow; that is told by debug mode, and no fault.
logging.getLogger("asyncio").addFilter(lambda told: not told.getMessage().startswith("Executing"))
quirks = Quirks(rate_per_second=None, rate_per_hour=None)
with FakeRoistat(calls=300, quirks=quirks).in_thread() as fake:
    asyncio.run(main(fake, sys.argv[1]))
"""


def test_a4_left_early(tmp_path: Path) -> None:
    """An iteration left early causes no warning under -X dev with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", LEAVE_EARLY, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a5_another_loop_is_named(fake: FakeRoistat) -> None:
    """In another live loop a client says what to do; after the first loop ended it works."""
    roistat = client(fake.base_url, api_key=fake.api_key)

    async def use() -> int:
        return len(await roistat.scripts.list())

    async def use_elsewhere() -> None:
        await use()
        with pytest.raises(errors.RoistatError, match="another event loop") as caught:
            await asyncio.to_thread(asyncio.run, use())
        assert "open one in each" in str(caught.value)
        await roistat.close()

    asyncio.run(use_elsewhere())

    async def use_and_close() -> int:
        async with roistat:
            return await use()

    assert asyncio.run(use_and_close()) == asyncio.run(use_and_close()) == 3


async def ask(roistat: Roistat, tasks: int) -> int:
    many = await asyncio.gather(*[roistat.phones.list().first() for _ in range(tasks)])
    return len(many)


async def test_a8_ten_thousand_tasks() -> None:
    """Ten thousand tasks are served, few at a time, and a waiting one costs less than 20 KiB."""
    tasks = 10_000
    limits = Limits(per_second=None, per_hour=None, concurrency=8)
    async with (
        RawServer(replies(success(data=[], total=0))) as server,
        client(server.base_url, limits=limits) as roistat,
    ):
        await ask(roistat, 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert await ask(roistat, tasks) == tasks
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert server.connections <= 8
    # KiB. Of 11 KiB a task, about half are the retry loop that each operation runs in.
    assert grown < 4_000 + tasks * 20
