"""Calls, a sync over them as the real one does it, and a disk that dies at any step."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import strategies as st

from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync.target import SyncState, Target, WriteCounts

URL = "https://cloud.roistat.com/api/v1"
PROJECT = 123
START = datetime(2026, 5, 1, tzinfo=UTC)
LOOKBACK = timedelta(hours=24)
CALLER = "79990001122"


def call(number: int, hours: float = 0.0, status: str = "ANSWER", **fields: Any) -> Call:
    """Give a call of so many hours after the start."""
    moment = START + timedelta(seconds=round(hours * 3600))
    fields = {"caller": CALLER, **fields}
    return Call(id=str(number), date=moment, status=CallStatus(status), **fields)


def state(hours: float | None = None, walk: str | None = None) -> SyncState:
    """Give a state that is covered up to so many hours after the start."""
    watermark = None if hours is None else START + timedelta(hours=hours)
    return SyncState(covered_from=START, watermark=watermark, walk=walk)


async def copy(target: Target, calls: Sequence[Call], then: SyncState) -> WriteCounts:
    """Copy calls in one batch by one whole run."""
    await target.open(PROJECT, URL)
    try:
        written = await target.write(PROJECT, calls, state(walk="somewhere"))
        return written + await target.finish(PROJECT, then)
    finally:
        await target.close()


async def sync(target: Target, server: Iterable[Call], sizes: Iterator[int], now: datetime) -> None:
    """Do what a run does: go on from where the last one was, in batches of these sizes."""
    try:
        before = await target.open(PROJECT, URL)
        start = START if before.watermark is None else max(START, before.watermark - LOOKBACK)
        start = _day(start) if target.whole_days else start
        calls = sorted((one for one in server if one.date >= start), key=_place)
        if before.walk is not None:
            calls = [one for one in calls if _place(one) > tuple(json.loads(before.walk))]
        while calls:
            size = next(sizes)
            batch, calls = calls[:size], calls[size:]
            here = SyncState(
                covered_from=START,
                watermark=before.watermark,
                walk=_walk(batch[-1], whole_days=target.whole_days),
            )
            await target.write(PROJECT, batch, here)
        await target.finish(PROJECT, SyncState(covered_from=START, watermark=now))
    finally:
        await target.close()  # writes nothing, as a kill does


def _place(one: Call) -> tuple[str, str]:
    return one.date.isoformat(), one.id


def _walk(last: Call, *, whole_days: bool) -> str:
    return json.dumps([_day(last.date).isoformat(), ""] if whole_days else _place(last))


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0)


class Killed(Exception):
    """Stand for the end of the process."""


@define
class _Disk:
    """Count what is done to the disk, and die before one of these acts (or half way)."""

    dies_at: int | None
    steps: Iterator[int] = field(factory=lambda: count(1))

    def step(self) -> None:
        """Do one more."""
        if next(self.steps) == self.dies_at:
            raise Killed

    def before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Let an act be a step."""

        def step(*args: Any, **options: Any) -> Any:
            self.step()
            return act(*args, **options)

        return step

    def write(self, fd: int, data: Any) -> int:
        """Write half of it, and then perhaps no more."""
        half = _write(fd, bytes(data)[: (len(data) + 1) // 2])
        self.step()
        return half


_write = os.write


@contextmanager
def disk(dies_at: int | None) -> Iterator[None]:
    """Let the process die at a step of its work on the disk; never with None."""
    found = _Disk(dies_at)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace", "ftruncate"):
            patch.setattr(os, name, found.before(getattr(os, name)))
        patch.setattr(os, "write", found.write)
        yield


async def run_until_done(
    target: Target, server: Sequence[Call], dies: Iterable[int], by: Iterable[int], now: datetime
) -> None:
    """Sync in batches of these sizes, killed at these steps, and then once more."""
    for dies_at in dies:
        await killed_once(target, server, dies_at, by, now)
    await sync(target, server, cycle(by), now)


async def killed_once(
    target: Target, server: Sequence[Call], dies_at: int, by: Iterable[int], now: datetime
) -> None:
    """Sync, and die at this step of the disk unless it is done before."""
    with disk(dies_at), suppress(Killed):
        await sync(target, server, cycle(by), now)


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=5)
deaths = st.lists(st.integers(1, 40), max_size=6)
events = st.lists(st.tuples(st.floats(0.1, 20), st.integers(1, 15)), max_size=5)


class Life:
    """A server whose calls come late and change, but not later than the lookback."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.now = START

    def go_on(self, events: list[tuple[float, int]]) -> None:
        """Let eight hours pass: calls of the last 24 hours are added or changed."""
        self.now += timedelta(hours=8)
        for back, number in events:
            date = max(START, (self.now - timedelta(hours=back)).replace(microsecond=0))
            old = self.calls.get(f"{number}")
            if old is None:
                self.calls[f"{number}"] = evolve(call(number), date=date)
            elif old.date >= self.now - timedelta(hours=20):
                self.calls[f"{number}"] = evolve(old, comment=f"{self.now}")
