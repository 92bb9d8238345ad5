"""Calls, runs over them as `sync_calls` does them, and a process killed at any step of the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import count, cycle
from typing import Any

import pytest
from attrs import evolve
from hypothesis import strategies as st

from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import SyncState, Target, WriteCounts
from roistat_async.sync.periods import utc_day
from tests.sync.live import moment

URL = "https://cloud.roistat.com/api/v1"
PROJECT = 123
START = moment(1_777_593_600)  # 2026-05-01T00:00:00Z
LOOKBACK = timedelta(hours=24)
CALLER = "79990001122"


def call(number: int, hours: float = 0.0, status: str = "ANSWER", **fields: Any) -> Call:
    """Return a call that began this many hours after the start."""
    date = START + timedelta(seconds=round(hours * 3600))
    fields = {"caller": CALLER, **fields}
    return Call(id=str(number), date=date, status=CallStatus(status), **fields)


def state(hours: float | None = None, walk: str | None = None) -> SyncState:
    """Return a state that covers this many hours from the start."""
    watermark = None if hours is None else START + timedelta(hours=hours)
    return SyncState(covered_from=START, watermark=watermark, walk=walk)


async def copy(
    target: Target, calls: Sequence[Call], final: SyncState, project: int = PROJECT, url: str = URL
) -> WriteCounts:
    """Copy calls in one batch of one complete run."""
    try:
        await target.open(project, url)
        written = await target.write(project, calls, state(walk="token"))
        return written + await target.finish(project, final)
    finally:
        await target.close()


async def reopen(target: Target, project: int = PROJECT, url: str = URL) -> SyncState:
    """Return the state that the next run finds, without the date of the newest call."""
    try:
        return evolve(await target.open(project, url), newest=None)
    finally:
        await target.close()


async def sync(target: Target, server: Iterable[Call], sizes: Iterator[int], now: datetime) -> None:
    """Continue after the last run, in batches of these sizes."""
    try:
        stored = await target.open(PROJECT, URL)
        start = START if stored.watermark is None else max(START, stored.watermark - LOOKBACK)
        start = utc_day(start) if target.whole_days else start
        calls = sorted((call for call in server if call.date >= start), key=_position)
        if stored.walk is not None:
            calls = [call for call in calls if _position(call) > tuple(json.loads(stored.walk))]
        while calls:
            size = next(sizes)
            batch, calls = calls[:size], calls[size:]
            walk = _walk(batch[-1], whole_days=target.whole_days)
            await target.write(PROJECT, batch, evolve(stored, covered_from=START, walk=walk))
        await target.finish(PROJECT, SyncState(covered_from=START, watermark=now))
    finally:
        await target.close()  # writes nothing, so it stands for a kill as well


def _position(call: Call) -> tuple[str, str]:
    return call.date.isoformat(), call.id


def _walk(last: Call, *, whole_days: bool) -> str:
    return json.dumps([utc_day(last.date).isoformat(), ""] if whole_days else _position(last))


class Killed(Exception):
    """The process was killed."""


@contextmanager
def disk(kill_at: int | None) -> Iterator[None]:
    """Kill the process at a step of its work on a disk or store, or within a write."""
    steps, write = count(1), os.write

    def step() -> None:
        if next(steps) == kill_at:
            raise Killed

    def counted(operation: Callable[..., Any], *, afterwards: bool = False) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            step()
            result = operation(*args, **options)
            if afterwards:  # the server did it, and the process never knew
                step()
            return result

        return run

    def write_half(fd: int, data: Any) -> int:
        written = write(fd, bytes(data)[: (len(data) + 1) // 2])
        step()
        return written

    with pytest.MonkeyPatch.context() as patch:
        with suppress(ImportError):
            import obstore

            patch.setattr(obstore, "put", counted(obstore.put, afterwards=True))
        for name in ("fsync", "replace", "ftruncate"):
            patch.setattr(os, name, counted(getattr(os, name)))
        patch.setattr(os, "write", write_half)
        yield


async def run_killed(
    target: Target, server: Sequence[Call], kill_at: int, sizes: Iterable[int], now: datetime
) -> None:
    """Sync, and be killed at this step of the disk unless the run ends before."""
    with disk(kill_at), suppress(Killed):
        await sync(target, server, cycle(sizes), now)


HOURS = st.lists(st.floats(0, 90), max_size=12)
SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=5)
KILLS = st.lists(st.integers(1, 40), max_size=6)
_CHANGES = st.lists(st.tuples(st.floats(0.1, 20), st.integers(1, 15)), max_size=5)
each_number_of_examples = pytest.mark.parametrize(
    "examples", [15, pytest.param(200, marks=pytest.mark.long)]
)
HISTORIES = st.lists(st.tuples(_CHANGES, KILLS, SIZES), min_size=1, max_size=6)


class ChangingServer:
    """Server whose calls are added late and change, but not later than the lookback."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.now = START

    def advance(self, changes: list[tuple[float, int]]) -> None:
        """Advance by eight hours, and add or change calls of the last 24 hours."""
        self.now += timedelta(hours=8)
        for hours_ago, number in changes:
            date = max(START, (self.now - timedelta(hours=hours_ago)).replace(microsecond=0))
            stored = self.calls.get(f"{number}")
            if stored is None:
                self.calls[f"{number}"] = evolve(call(number), date=date)
            elif stored.date >= self.now - timedelta(hours=20):
                self.calls[f"{number}"] = evolve(stored, comment=f"{self.now}")


History = list[tuple[list[tuple[float, int]], list[int], list[int]]]
"""Changes of the server, steps at which runs are killed, and sizes of batches, run after run."""


async def run_history(new_target: Callable[[], Target], history: History) -> list[Call]:
    """Sync a server that changes, in killed and complete runs; return its calls by date."""
    server = ChangingServer()
    for changes, kills, sizes in history:
        server.advance(changes)
        calls = [*server.calls.values()]
        for kill_at in kills:
            await run_killed(new_target(), calls, kill_at, sizes, server.now)
        await sync(new_target(), calls, cycle(sizes), server.now)
    return sorted(server.calls.values(), key=_position)
