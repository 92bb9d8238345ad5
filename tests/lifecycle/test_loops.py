"""A4, A8: left early, used by very many tasks."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async import Limits, Roistat
from tests.faults.fault_case import read
from tests.helpers.clients import client
from tests.helpers.fault_server import truthful
from tests.helpers.raw_server import RawServer

LEAVE_EARLY = """
import asyncio, gc, logging, sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from roistat_async import Limits, Period, Roistat
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat, Fault, Quirks

async def leave(iterable):
    async for _ in iterable:
        break

async def main(fake, folder):
    since = datetime.now(UTC) - timedelta(days=30)
    period, ids = Period(since, datetime.now(UTC)), list(fake.state.recordings)[:6]
    options = {"base_url": fake.base_url, "limits": Limits(per_second=None, per_hour=None)}
    async with Roistat(fake.api_key, fake.project, **options) as roistat:
        calls = roistat.calls
        await leave(calls.list(page_size=10))
        await leave(calls.list(page_size=10).pages())
        await leave(calls.history(period, page_size=10))
        await leave(calls.history(period, page_size=10).pages())
        await leave(calls.download_recordings(ids, folder))
        async with calls.recording(ids[0]) as body:
            await leave(body)
        await roistat.phones.create(["74950000009"])
        fake.fail("call/list", Fault.truncated())
        await calls.list(page_size=100).collect()
        for sync in (
            lambda: sync_calls(roistat, f"{folder}/calls.db", since=since, page_size=10),
            lambda: sync_recordings(roistat, f"{folder}/calls.db", f"{folder}/mp3"),
        ):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await sync()
            await sync_calls(roistat, f"{folder}/calls.db", since=since, page_size=10)
    gc.collect()

# Debug mode reports a busy machine, which is no fault.
logging.getLogger("asyncio").addFilter(lambda log: not log.getMessage().startswith("Executing"))
logging.getLogger("roistat_async").setLevel(logging.ERROR)  # a retry is a warning
quirks = Quirks(rate_per_second=None, rate_per_hour=None)
with FakeRoistat(calls=60, quirks=quirks).in_thread() as fake:
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


async def send(roistat: Roistat, tasks: int) -> None:
    await asyncio.gather(*[read(roistat, number) for number in range(tasks)])


@pytest.mark.parametrize("tasks", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_a8_thousands_of_tasks(tasks: int) -> None:
    """Each of thousands gets its own response, eight at a time, and costs less than 20 KiB."""
    limits = Limits(per_second=None, per_hour=None, concurrency=8)
    async with (
        RawServer(truthful) as server,
        client(server.base_url, limits=limits) as roistat,
    ):
        await send(roistat, 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await send(roistat, tasks)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert server.connections <= 8
    # KiB. Of 11 KiB a task, about half are the retry loop that each operation runs in.
    assert grown < 4_000 + tasks * 20
