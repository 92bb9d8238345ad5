"""A sync every five minutes of a server where calls appear late and end late: nothing is lost."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import define, field

from roistat_async import Roistat
from roistat_async.sync import sync_calls
from tests.sync.live import NOON, Live, living, moment

EVERY = 300.0
LATEST = 600.0  # seconds after its date that a call may appear
LASTS = 1800.0  # seconds that a call may be ACTIVE
SPAN = 3 * 3600.0
SINCE = moment(NOON) - timedelta(hours=1)


@define
class Telephony:
    """Let calls appear and end as time passes; each request takes a second of it."""

    live: Live
    random: Random
    _due: list[tuple[float, int, Callable[[], object]]] = field(factory=list)
    _number: count[int] = field(factory=count)

    def plan(self) -> None:
        """Make up what will happen: a call every twenty seconds, some of them in one second."""
        self.live.fake.state.calls = []
        at = NOON - 600.0
        while at < NOON + SPAN:
            at += self.random.choice([0, 1, 10, 20, 40, 60])
            self._plan_call(at)

    def _plan_call(self, date: float) -> None:
        is_late = self.random.random() < 0.3
        seen = date + (self.random.uniform(0, LATEST) if is_late else 0)
        if self.random.random() < 0.2:
            ended = seen + self.random.uniform(10, LASTS)
            self._at(seen, lambda: self._begin(date, ended))
        else:
            self._at(seen, lambda: self.live.fake.state.add_call(date=date))

    def _begin(self, date: float, ended: float) -> None:
        row = self.live.fake.state.add_call(date=date, status="ACTIVE", duration=0)
        edit = self.live.fake.state.edit_call
        self._at(ended, lambda: edit(row["id"], status="ANSWER", duration=40))

    def _at(self, moment: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._due, (moment, next(self._number), act))

    def pass_until(self, moment: float) -> None:
        """Let time pass, and happen what is due."""
        self.live.time.now = max(self.live.time.now, moment)
        while self._due and self._due[0][0] <= self.live.time.now:
            heapq.heappop(self._due)[2]()

    def pass_a_second(self, _: object) -> None:
        """Be what a request costs."""
        self.pass_until(self.live.time.now + 1)


@define
class Naive:
    """Copy what is newer than the newest call, by offset: what one writes first."""

    calls: dict[str, str] = field(factory=dict)
    newest: Any = SINCE

    async def sync(self, roistat: Roistat) -> None:
        """Sync once."""
        found = roistat.calls.list(
            filters=[("date", ">", self.newest)], sort=("date", "asc"), page_size=20, prefetch=0
        )
        async for call in found:
            self.calls[call.id] = call.status.value
            self.newest = max(self.newest, call.date)


@define
class Result:
    """Count what a copy lacks, and what it still takes for ACTIVE."""

    lost: int
    stale: int

    @classmethod
    def of(cls, live: Live, copy: dict[str, str]) -> Result:
        """Compare a copy (id -> status) with the server."""
        served = {row["id"]: row["status"] for row in live.fake.state.calls}
        stale = sum(copy[call] == "ACTIVE" != served[call] for call in copy)
        return cls(len(served.keys() - copy.keys()), stale)


async def simulate(path: Path, seed: int, lookback: float) -> tuple[Live, Result, Result]:
    """Sync for three hours and until all is over; give what the sync and the naive one have."""
    async with living(path, calls=0) as live:
        world, naive = Telephony(live, Random(seed)), Naive()
        world.plan()
        live.fake.on_request = world.pass_a_second
        at = float(NOON)
        while at < NOON + SPAN + LATEST + LASTS + 2 * EVERY:
            at += EVERY
            world.pass_until(at)
            await sync_calls(
                live.roistat,
                live.path,
                since=SINCE,
                lookback=timedelta(seconds=lookback),
                page_size=20,
            )
            await naive.sync(live.roistat)
        ours = dict(live.ask("SELECT id, status FROM calls"))
        return live, Result.of(live, ours), Result.of(live, naive.calls)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_stale(tmp_path: Path, seed: int) -> None:
    """With the lookback as long as calls may be late; the naive copy loses some (P10, P11)."""
    live, ours, naive = await simulate(tmp_path / "calls.db", seed, LATEST)
    assert len(live.fake.state.calls) > 400
    assert ours == Result(0, 0)
    assert live.is_same()
    assert naive.lost > 10
    assert naive.stale > 10


async def test_a_lookback_that_is_too_short_loses(tmp_path: Path) -> None:
    """The bound is one: with no lookback at all calls are missed, though none stays ACTIVE."""
    _, ours, _ = await simulate(tmp_path / "calls.db", 1, 0)
    assert ours.lost > 0
    assert ours.stale == 0
