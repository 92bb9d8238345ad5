"""A sync every five minutes from a server where calls appear late and end late."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

from roistat_async import Roistat
from roistat_async.sync import sync_calls
from tests.sync.live import NOON, Live, living, moment

INTERVAL = 300.0
MAX_DELAY = 600.0  # seconds after its date in which a call appears
MAX_DURATION = 1800.0  # seconds for which a call is ACTIVE
SPAN = 3 * 3600.0
SINCE = moment(NOON) - timedelta(hours=1)


@define
class Telephony:
    """Calls that appear and end as time passes; each request takes a second of it."""

    live: Live
    random: Random
    _events: list[tuple[float, int, Callable[[], object]]] = field(factory=list)
    _number: count[int] = field(factory=count)

    def plan(self) -> None:
        """Plan a call every twenty seconds on average, some of them in the same second."""
        self.live.fake.state.calls = []
        at = NOON - 600.0
        while at < NOON + SPAN:
            at += self.random.choice([0, 1, 10, 20, 40, 60])
            self._plan_call(at)

    def _plan_call(self, date: float) -> None:
        is_late = self.random.random() < 0.3
        appears_at = date + (self.random.uniform(0, MAX_DELAY) if is_late else 0)
        if self.random.random() < 0.2:
            ends_at = appears_at + self.random.uniform(10, MAX_DURATION)
            self._schedule(appears_at, lambda: self._begin(date, ends_at))
        else:
            self._schedule(appears_at, lambda: self.live.fake.state.add_call(date=date))

    def _begin(self, date: float, ends_at: float) -> None:
        row = self.live.fake.state.add_call(date=date, status="ACTIVE", duration=0)
        edit = self.live.fake.state.edit_call
        self._schedule(ends_at, lambda: edit(row["id"], status="ANSWER", duration=40))

    def _schedule(self, at: float, event: Callable[[], object]) -> None:
        heapq.heappush(self._events, (at, next(self._number), event))

    def advance_to(self, at: float) -> None:
        """Advance the time and run the events until then."""
        self.live.time.now = max(self.live.time.now, at)
        while self._events and self._events[0][0] <= self.live.time.now:
            heapq.heappop(self._events)[2]()

    def advance_a_second(self, _: object) -> None:
        """Advance the time by the duration of a request."""
        self.advance_to(self.live.time.now + 1)


@define
class NaiveCopy:
    """Copy of the calls newer than the newest call, by offset, as in a first script."""

    calls: dict[str, str] = field(factory=dict)
    newest: datetime = SINCE

    async def sync(self, roistat: Roistat) -> None:
        pager = roistat.calls.list(
            filters=[("date", ">", self.newest)], sort=("date", "asc"), page_size=20, prefetch=0
        )
        async for call in pager:
            self.calls[call.id] = str(call.status)
            self.newest = max(self.newest, call.date)


@define
class Difference:
    """Numbers of calls that a copy lacks, and that it wrongly has as ACTIVE."""

    lost: int
    stale: int

    @classmethod
    def of(cls, live: Live, statuses: dict[str, str]) -> Difference:
        served = {row["id"]: row["status"] for row in live.fake.state.calls}
        stale = sum(statuses[call_id] == "ACTIVE" != served[call_id] for call_id in statuses)
        return cls(len(served.keys() - statuses.keys()), stale)


async def simulate(path: Path, seed: int, lookback: float) -> tuple[Live, Difference, Difference]:
    """Sync for three hours and until all calls ended; return the errors of sync and naive copy."""
    async with living(path, calls=0) as live:
        telephony, naive = Telephony(live, Random(seed)), NaiveCopy()
        telephony.plan()
        live.fake.on_request = telephony.advance_a_second
        at = float(NOON)
        while at < NOON + SPAN + MAX_DELAY + MAX_DURATION + 2 * INTERVAL:
            at += INTERVAL
            telephony.advance_to(at)
            await sync_calls(
                live.roistat,
                live.path,
                since=SINCE,
                lookback=timedelta(seconds=lookback),
                page_size=20,
            )
            await naive.sync(live.roistat)
        copied = dict(live.ask("SELECT id, status FROM calls"))
        return live, Difference.of(live, copied), Difference.of(live, naive.calls)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_stale(tmp_path: Path, seed: int) -> None:
    """The lookback is as long as calls are late (docs/fault-matrix.md P10, P11)."""
    live, sync, naive = await simulate(tmp_path / "calls.db", seed, MAX_DELAY)
    assert len(live.fake.state.calls) > 400
    assert sync == Difference(0, 0)
    assert live.is_same()
    assert naive.lost > 10
    assert naive.stale > 10


async def test_a_short_lookback_loses_calls(tmp_path: Path) -> None:
    """Without a lookback late calls are lost, but none stays ACTIVE."""
    _, sync, _ = await simulate(tmp_path / "calls.db", 1, 0)
    assert sync.lost > 0
    assert sync.stale == 0
