"""Requests that several clients and processes share: how many, in which turn, and after a fault."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roistat_async import Limits, errors
from roistat_async.clock import Clock
from roistat_async.testing import FakeRoistat
from roistat_async.transport import budget_file, rate_limiter, shared_budget
from roistat_async.transport.rate_limiter import RateLimiter
from tests.faults.disk.conftest import read_only_disk as read_only_disk
from tests.faults.disk.conftest import small_disk as small_disk
from tests.helpers import forked
from tests.helpers.clients import client
from tests.transport import budget_processes
from tests.transport.limited_clients import LimitedClients, busiest

HOUR = 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the shared file."""
    return tmp_path / "limits.db"


@contextmanager
def process(work: Callable[..., None], *arguments: object) -> Iterator[Pipe]:
    """Run work in a process that is killed at the end; yield its pipe once a message has come."""
    with forked.process(work, *arguments) as (_, pipe):
        assert pipe.recv()
        yield pipe


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 2)), max_size=25), st.integers(1, 5))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_t90_no_second_holds_more_than_its_limit(
    path: Path, requests: list[tuple[int, float]], per_second: int
) -> None:
    """No window of a second holds more requests of all clients, however slow their connections."""
    path.unlink(missing_ok=True)
    clients = LimitedClients(path, 3, per_second=per_second)

    async def run() -> None:
        await asyncio.gather(*[clients.send(1, who, connect=delay) for who, delay in requests])

    asyncio.run(run())
    assert len(clients.sent) == len(requests)
    assert clients.busiest() <= per_second


async def test_t90_the_hour_is_shared(path: Path) -> None:
    """The clients send the limit of an hour together, and the next request waits for it."""
    clients = LimitedClients(path, 3, per_hour=7)
    await clients.send(2, 0, 1, 2)
    assert [limiter.remaining_this_hour for limiter in clients.limiters] == [1, 1, 1]
    await clients.send(1, 0)
    with pytest.raises(errors.RateLimitError, match="requests an hour is used up"):
        await clients.limiters[1].permit().acquire(max_wait=60)
    assert HOUR < await clients.send(1, 1) < HOUR + 2


async def test_t90_projects_share_nothing(path: Path) -> None:
    """One file serves several projects, each with limits of its own."""
    clients = LimitedClients(path, 1, per_second=2)
    await clients.send(2, 0)
    limits = Limits(per_second=2, per_hour=None, shared_file=path)
    other = RateLimiter(limits, clients.time.clock, project=2)
    start = clients.time.now
    async with other.permit():
        assert clients.time.now == start


@pytest.mark.parametrize("per_second", [1, 10])
async def test_t90_no_client_starves(path: Path, per_second: int) -> None:
    """Clients that always have requests waiting send as many each."""
    clients = LimitedClients(path, 4, per_second=per_second)
    sending = asyncio.create_task(clients.send(200, 0, 1, 2, 3))
    while len(clients.sent) < 80:
        await clients.time.sleep(1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    shared = [who for _, who in clients.sent[10:]]  # the first to come may find a free second
    shares = [shared.count(client) for client in range(4)]
    assert min(shares) >= 0.8 * max(shares)
    assert len(clients.sent) / (clients.time.now - 1000) >= 0.85 * per_second


@pytest.mark.slow
async def test_t90_four_processes_share_a_real_limit(path: Path) -> None:
    """They use it up in equal shares, and exceed it in no second."""
    seconds = 6
    async with FakeRoistat() as fake:
        shares = await asyncio.to_thread(_run_four, path, fake.base_url, fake.api_key, seconds)
        received = len(fake.requests)
    with closing(sqlite3.connect(path)) as connection:
        assert busiest(at for (at,) in connection.execute("SELECT at FROM sent")) <= 10
    # A refused request is sent again; only a busy machine delays one for a tenth of a second.
    assert sum(shares) <= received <= sum(shares) + 2
    assert received >= 0.85 * 10 * seconds
    assert min(shares) >= 0.5 * max(shares)


def _run_four(*arguments: object) -> list[int]:
    with ExitStack() as stack:
        run = partial(process, budget_processes.send, *arguments)
        pipes = [stack.enter_context(run()) for _ in range(4)]
        for pipe in pipes:
            pipe.send("go")
        return [pipe.recv() for pipe in pipes]


async def test_t91_a_process_killed_with_the_lock_blocks_nobody(path: Path) -> None:
    """Its transaction is undone, and the next request is sent at once."""
    await LimitedClients(path).send(1, 0)
    with process(budget_processes.hold, path):
        pass  # and kill it
    assert await LimitedClients(path, per_hour=9).send(1, 1) < 0.1


async def test_t91_reservations_of_a_killed_process_lapse(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count as sent, for nobody knows, and hold requests up for some seconds only."""
    monkeypatch.setattr(shared_budget, "_RENEWAL", HOUR)  # a killed process renews nothing
    clients = LimitedClients(path, per_second=8, per_hour=5000)
    for _ in range(8):
        await clients.reserve(0)
    assert 2.5 < await clients.send(1, 1) < 4
    assert clients.limiters[1].remaining_this_hour == 5000 - 9


async def test_t91_a_killed_process_that_waited_costs_no_second(path: Path) -> None:
    """The clients behind it wait a moment for its turn, and then go on."""
    clients = LimitedClients(path, 2, per_second=1)
    await clients.send(1, 0)
    waiting = asyncio.create_task(clients.reserve(0))
    await clients.time.sleep(0.1)
    waiting.cancel()  # as a killed process does, it takes nothing back
    assert await clients.send(1, 1) < 1.2


async def test_t91_killed_processes_leave_the_queue(path: Path) -> None:
    """Many of them delay nobody once their waits are over."""
    clients = LimitedClients(path, 41, per_second=1)
    await clients.send(1, 40)
    waiting = [asyncio.create_task(clients.reserve(client)) for client in range(40)]
    await clients.time.sleep(0.1)
    for task in waiting:
        task.cancel()
    await clients.time.sleep(4)
    assert await clients.send(2, 40) == pytest.approx(1.1, abs=0.01)


async def test_t91_a_slow_connection_keeps_its_reservation(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A living process renews its reservations, so they hold others up until they are sent."""
    monkeypatch.setattr(shared_budget, "_LEASE", 0.3)
    monkeypatch.setattr(shared_budget, "_RENEWAL", 0.05)
    monkeypatch.setitem(rate_limiter._WINDOW, "second", 0.1)
    limits = Limits(per_second=1, per_hour=None, shared_file=path)
    slow, other = (RateLimiter(limits, Clock(), project=1) for _ in range(2))
    async with slow.permit():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.permit().acquire(), 1.0)
    await asyncio.wait_for(other.permit().acquire(), 30)


async def test_t92_the_lock_of_another_process_does_not_block_the_event_loop(path: Path) -> None:
    """The request waits, other tasks run on, and the request is sent once the lock is free."""
    limiter = RateLimiter(Limits(shared_file=path), Clock(), project=1)
    with process(budget_processes.hold, path):
        request = asyncio.create_task(limiter.permit().acquire())
        pauses: list[float] = []
        for _ in range(50):
            start = time.monotonic()
            await asyncio.sleep(0.005)
            pauses.append(time.monotonic() - start)
        assert not request.done()
        assert sorted(pauses)[25] < 0.05
    await asyncio.wait_for(request, 30)


async def test_t92_a_request_sent_while_the_file_is_locked_is_counted_later(path: Path) -> None:
    """What happened during the lock is written as soon as it is free."""
    limits = Limits(per_second=None, per_hour=5, shared_file=path)
    limiter, other = (RateLimiter(limits, Clock(), project=1) for _ in range(2))
    await other.permit().acquire()
    permit = limiter.permit()
    await permit.acquire()
    with process(budget_processes.hold, path):
        permit.mark_sent()
    async with asyncio.timeout(30):
        while other.remaining_this_hour != 4:
            await asyncio.sleep(0.01)


async def test_t92_what_happened_during_a_lock_is_counted_once(path: Path) -> None:
    """The next request of the same client writes it, and no later one writes it again."""
    limiter = RateLimiter(Limits(per_hour=5, shared_file=path), Clock(), project=1)
    first, second = limiter.permit(), limiter.permit()
    await first.acquire()
    with process(budget_processes.hold, path):
        first.mark_sent()
    await second.acquire()
    second.mark_sent()
    assert limiter.remaining_this_hour == 3


async def test_t92_a_lock_that_is_never_released_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a minute the error names the file and what to do; nothing was sent."""
    monkeypatch.setattr(shared_budget, "_LOCK_RETRY", 0.05)  # each takes real time
    clients, text = LimitedClients(path), "locked for 30 s: end"
    with process(budget_processes.hold, path), pytest.raises(errors.NotSentError, match=text):
        await clients.send(1, 0)
    assert clients.time.now - 1000 == pytest.approx(30, abs=0.1)
    assert await clients.send(1, 0) == 0


def _database(path: Path, statement: str = "CREATE TABLE calls (id)") -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)


_versioned = partial(_database, statement="PRAGMA application_id = 12345")


def _truncated(path: Path) -> None:
    asyncio.run(LimitedClients(path).send(1, 0))
    os.truncate(path, 5000)


def _overwritten(path: Path) -> None:
    asyncio.run(LimitedClients(path).send(1, 0))
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("key = 1\n" * 99), "another program"),
    "a database of another program": (_database, "another program"),
    "a database of another version": (_versioned, "another program"),
    "truncated": (_truncated, "is damaged"),
    "overwritten": (_overwritten, "is damaged"),
    "a folder": (Path.mkdir, "cannot be opened"),
    "no folder": (lambda path: path.symlink_to("no/file"), "its folder must exist"),
}


@pytest.mark.parametrize(("arrange", "text"), UNUSABLE.values(), ids=UNUSABLE)
async def test_t93_an_unusable_file_is_a_clear_error(
    arrange: Callable[[Path], object], text: str, path: Path, fake: FakeRoistat
) -> None:
    """Nothing is sent or retried, and the file stays as it is."""
    await asyncio.to_thread(arrange, path)
    before = path.read_bytes() if path.is_file() else None
    limits = Limits(shared_file=path)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits, attempts=4) as roistat:
        with pytest.raises(errors.NotSentError, match=rf"{text}.*Limits\.shared_file.*limits\.db"):
            await roistat.scripts.list()
    assert (fake.requests, path.read_bytes() if path.is_file() else None) == ([], before)


async def test_t93_an_empty_file_is_used(path: Path, open_umask: None) -> None:
    """A file that was truncated to nothing, or made by touch, gets its tables and its mode."""
    path.touch()
    clients = LimitedClients(path, per_second=1)
    await clients.send(1, 0, 1)
    assert clients.busiest() == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_t93_a_deleted_file_is_created_again(path: Path, open_umask: None) -> None:
    """All clients find the new one, which only its user can read."""
    clients = LimitedClients(path, per_second=1)
    await clients.send(1, 0)
    path.unlink()
    await clients.time.sleep(2)
    assert await clients.send(1, 0, 1) == pytest.approx(1.1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_t94_a_folder_without_rights_is_a_clear_error(read_only_disk: Path) -> None:
    """The error says what must be writable."""
    with pytest.raises(errors.NotSentError, match="must be writable for this user"):
        await LimitedClients(read_only_disk / "limits.db").send(1, 0)


async def test_t94_a_full_disk_is_a_clear_error(small_disk: Path) -> None:
    """Nothing is sent without being counted, and with space the next request is sent."""
    filler, clients = small_disk / "filler", LimitedClients(small_disk / "limits.db")
    filler.write_bytes(bytes(1024 * 1024 - 25_000))
    with pytest.raises(errors.NotSentError, match="the disk is full"):
        await clients.send(1, 0)
    assert clients.sent == []
    filler.unlink()
    await clients.send(1, 0)


@pytest.mark.parametrize("limit", [{"per_second": 2}, {"per_hour": 2}], ids=["second", "hour"])
async def test_t95_a_clock_set_back_spends_no_budget_twice(
    path: Path, limit: dict[str, Any]
) -> None:
    """The newest request counts as sent now, so others wait no longer than the window lasts."""
    clients = LimitedClients(path, **limit)
    await clients.send(2, 0)
    clients.time.now -= 86_400
    length = 1.1 if "per_second" in limit else HOUR + 1
    assert await clients.send(1, 1) == pytest.approx(length, abs=0.01)


async def test_t95_a_reservation_does_not_outlive_its_process_with_a_clock_set_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed before the clock was set back holds nobody up for longer."""
    monkeypatch.setattr(shared_budget, "_RENEWAL", HOUR)  # a killed process renews nothing
    clients = LimitedClients(path, per_second=1)
    await clients.reserve(0)
    clients.time.now -= 86_400
    assert await clients.send(1, 1) < 5


async def test_t95_a_clock_set_forward_permits_one_window(path: Path) -> None:
    """What was sent before looks old, and the limits hold from then on."""
    clients = LimitedClients(path, per_second=2)
    await clients.send(2, 0)
    clients.time.now += 86_400
    assert await clients.send(1, 0, 1) == 0
    assert await clients.send(1, 1) == pytest.approx(1.1)


@pytest.mark.parametrize("later", [10, 86_400])
async def test_t96_the_hour_goes_on_after_a_reboot(
    path: Path, monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    """Times of another boot are those of the date: they count until an hour is over."""
    clients = LimitedClients(path, per_hour=2)
    await clients.send(2, 0)
    monkeypatch.setattr(budget_file, "boot_id", lambda: "another")
    # The monotonic clock starts anew, and the date goes on.
    clients.time.start -= later + 995
    clients.time.now = 5.0
    expected = HOUR + 1 - later if later < HOUR else 0
    assert await clients.send(1, 1) == pytest.approx(expected, abs=0.01)


async def test_a_project_may_be_any_number(path: Path) -> None:
    """A number of twenty digits has its limits too."""
    limiter = RateLimiter(Limits(shared_file=path), Clock(), project=10**20 - 1)
    async with limiter.permit() as permit:
        permit.mark_sent()
    assert limiter.remaining_this_hour == 4999


async def test_the_file_holds_no_key(path: Path, fake: FakeRoistat) -> None:
    """It holds numbers of projects and times, and no file is left beside it."""
    limits = Limits(shared_file=path)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits) as roistat:
        await roistat.scripts.list()
    content = path.read_bytes()
    assert b"12345" in content
    assert fake.api_key.encode() not in content
    assert os.listdir(path.parent) == ["limits.db"]


async def test_without_a_shared_file_no_file_is_opened(
    fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sharing is off by default."""
    monkeypatch.setattr(sqlite3, "connect", None)
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        assert await roistat.scripts.list()
