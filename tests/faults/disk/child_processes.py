"""Work in child processes that can be killed.

They are forked from a process that has loaded the package: starting Python takes longer than the
work that a test wants to kill.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from roistat_async import Roistat
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import UNLIMITED

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


async def many(roistat: Roistat, folder: str, *ids: str) -> None:
    """Save recordings into a folder."""
    async for outcome in roistat.calls.download_recordings(ids, folder, concurrency=3):
        assert outcome.error is None


async def one(roistat: Roistat, target: str, call_id: str) -> None:
    """Save a recording as a file."""
    await roistat.calls.download_recording(call_id, to=target)


async def copy(roistat: Roistat, target: str) -> None:
    """Copy all calls, and with a database their recordings as well."""
    since = datetime.now(UTC) - timedelta(days=30)
    await sync_calls(roistat, target, since=since, page_size=15)
    if target.endswith(".db"):
        await sync_recordings(roistat, target, Path(target).with_name("mp3"), limit=9)


_WORK = {work.__name__: work for work in (many, one, copy)}


def start(fake: FakeRoistat, *arguments: str) -> BaseProcess:
    """Start a piece of work: its name and its arguments."""
    server = fake.base_url, fake.api_key, fake.project
    process = _CONTEXT.Process(target=_run, args=(server, arguments))
    process.start()
    return process


def run(fake: FakeRoistat, *arguments: str) -> float:
    """Run a piece of work to its end and return the seconds it took."""
    started_at = time.monotonic()
    process = start(fake, *arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - started_at


def kill_after(seconds: float, fake: FakeRoistat, *arguments: str) -> bool:
    """Kill a piece of work after some time; return whether that was before its end."""
    process = start(fake, *arguments)
    time.sleep(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9)
    return process.exitcode == -9


def _run(server: tuple[str, str, int], arguments: tuple[str, ...]) -> None:
    asyncio.run(_work(server, *arguments))


async def _work(server: tuple[str, str, int], name: str, *arguments: str) -> None:
    base_url, api_key, project = server
    async with Roistat(api_key, project, base_url=base_url, limits=UNLIMITED) as roistat:
        await _WORK[name](roistat, *arguments)
