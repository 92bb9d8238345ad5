"""A2, A7, A9, A80: cancelled at awkward moments, or ended by a caller's callback."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Hooks, Limits, Period, Roistat
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.sync.status import read_status
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.helpers.clients import client
from tests.lifecycle import leaks
from tests.lifecycle.operation_context import CLOCK

AUDIO = mp3.recording("7", 60)
SINCE = datetime.now(UTC) - timedelta(days=30)
PERIOD = Period(SINCE, datetime.now(UTC) + timedelta(hours=1))


async def assert_nothing_left(roistat: Roistat, folder: Path) -> None:
    """Check that no task, response or part file is left, and that no permit was lost."""
    assert leaks.tasks() == set()
    leaks.assert_no_open_response()
    leaks.assert_no_part_files(folder)
    await leaks.assert_usable(roistat, 8)


async def test_a2_in_the_wait_for_a_permit(fake: FakeRoistat) -> None:
    """A cancelled request leaves the queue of the rate limiter; the running one continues."""
    fake.fail("script/list", Fault.delay(0.1))
    limits = Limits(per_second=None, per_hour=None, concurrency=1)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits) as roistat:
        first, second = (asyncio.create_task(roistat.scripts.list()) for _ in range(2))
        while not fake.requests:
            await asyncio.sleep(0.001)
        second.cancel()
        assert await first
        assert second.cancelled()
        assert await roistat.scripts.list()
    assert len(fake.requests) == 2


def save_file(roistat: Roistat, to: Path, **options: Any) -> Awaitable[object]:
    return roistat.calls.download_recording(10001, to=to / "a.mp3", **options)


def save_sheet(roistat: Roistat, to: Path, **options: Any) -> Awaitable[object]:
    return roistat.calls.export_xls(PERIOD, to=to / "a.xls", **options)


def copy(roistat: Roistat, to: Path, **options: Any) -> Awaitable[object]:
    return sync_calls(roistat, to / "calls.db", since=SINCE, **options)


async def copy_recordings(roistat: Roistat, to: Path, **options: Any) -> None:
    await copy(roistat, to)
    await sync_recordings(roistat, to / "calls.db", to / "mp3", limit=4, **options)


async def save_many(roistat: Roistat, folder: Path) -> None:
    answered = roistat.calls.list(filters=[("status", "=", "ANSWER")], limit=4)
    async with roistat.calls.download_recordings(answered, folder, concurrency=2) as outcomes:
        async for _ in outcomes:
            pass


def cancel_at_each_await(task: asyncio.Task[object]) -> None:
    """Cancel as a scope of anyio does, until the task has ended."""
    if not task.done():
        task.cancel()
        asyncio.get_running_loop().call_soon(cancel_at_each_await, task)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("save", [save_file, save_many])
@pytest.mark.parametrize("cancel", [asyncio.Task.cancel, cancel_at_each_await], ids=["A2", "A80"])
async def test_in_a_call_of_the_disk(
    save: Callable[[Roistat, Path], Awaitable[object]],
    call: str,
    cancel: Callable[[asyncio.Task[object]], object],
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cancel waits for the disk: no part file and no task is left, and a final file is whole."""
    original, entered, proceed = getattr(os, call), threading.Event(), threading.Event()

    def slow(*arguments: object) -> None:
        entered.set()
        proceed.wait(10)
        original(*arguments)

    monkeypatch.setattr(os, call, slow)
    task = asyncio.ensure_future(save(roistat, tmp_path))
    while not entered.is_set():
        await asyncio.sleep(0.001)
    cancel(task)
    await asyncio.sleep(0.02)
    assert not task.done()
    proceed.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert bool(os.listdir(tmp_path)) == (call == "replace")
    await assert_nothing_left(roistat, tmp_path)


TIMED: dict[str, tuple[str, Callable[..., Awaitable[object]]]] = {
    "list": ("script/list", lambda roistat, _: roistat.scripts.list()),
    "create": ("phone/create", lambda roistat, _: roistat.phones.create(["74950000999"])),
    "pages": ("call/list", lambda roistat, _: roistat.calls.list().collect()),
    "walk": ("call/list", lambda roistat, _: anext(aiter(roistat.calls.history(PERIOD)))),
    "file": ("call/*/file", save_file),
    "sheet": ("xls/export", save_sheet),
    "sync": ("call/list", copy),
}


@pytest.mark.parametrize("name", TIMED)
async def test_a7_a_callers_timeout(
    name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """The caller's own TimeoutError is raised after one request."""
    path, call = TIMED[name]
    fake.fail(path, Fault.stall(headers=False))

    async def expire_after_request(timeout: asyncio.Timeout) -> None:
        while not fake.requests:
            await asyncio.sleep(0.001)
        timeout.reschedule(asyncio.get_running_loop().time())

    timeout = asyncio.timeout(10)
    watcher = asyncio.create_task(expire_after_request(timeout))
    with pytest.raises(TimeoutError) as caught:
        async with timeout:
            await call(roistat, tmp_path)
    await watcher
    assert type(caught.value) is TimeoutError
    assert len(fake.requests) == 1
    await assert_nothing_left(roistat, tmp_path)


class Stop(BaseException):
    """A BaseException that is not an Exception, as KeyboardInterrupt, and does not end the loop."""


def stop(*_: object) -> None:
    raise Stop


@pytest.mark.parametrize("stopped", [save_file, save_sheet, copy, copy_recordings])
async def test_a9_a_callback_that_raises(
    stopped: Callable[..., Awaitable[object]], fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """The exception of a caller's callback is raised, and no partial file is left."""
    fake.state.recordings["10001"] = AUDIO
    with leaks.no_loop_errors():
        with pytest.raises(Stop):
            await stopped(roistat, tmp_path, progress=stop)
        await assert_nothing_left(roistat, tmp_path)
    assert not [*tmp_path.glob("a.*")]


async def test_a9_a_callback_that_raises_moves_no_watermark(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """After a callback raised, the next run resumes at the stored rows and completes the copy."""
    database = tmp_path / "calls.db"
    with pytest.raises(Stop):
        await sync_calls(roistat, database, since=SINCE, page_size=20, progress=stop)
    (project,) = read_status(database).projects
    assert (project.sealed_until, project.is_interrupted) == (None, True)
    await sync_calls(roistat, database, since=SINCE)
    (project,) = read_status(database).projects
    assert project.sealed_until is not None
    assert project.calls == len(fake.state.calls)


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
@pytest.mark.parametrize("name", TIMED)
async def test_a9_a_hook_that_raises(
    hook: str, name: str, fake: FakeRoistat, tmp_path: Path
) -> None:
    """The exception of a hook is raised; its permit and its connection are free again."""
    path, call = TIMED[name]
    raising = [True]

    def raise_once(_: object) -> None:
        if raising and raising.pop():
            raise Stop

    if hook == "on_retry":
        fake.fail(path, Fault.error("request_limit_error"))
    before = leaks.descriptors()
    options: Any = {"attempts": 3, "clock": CLOCK, "hooks": Hooks(**{hook: raise_once})}
    with leaks.no_loop_errors():
        async with client(fake.base_url, api_key=fake.api_key, **options) as roistat:
            with pytest.raises(Stop):
                await call(roistat, tmp_path)
            await assert_nothing_left(roistat, tmp_path)
    await leaks.wait_until_closed(before)
