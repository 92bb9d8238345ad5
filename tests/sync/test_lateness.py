"""A sync every five minutes from a server where calls appear late and end late."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

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


async def sync_all(live: Live, seed: int, lookback: float) -> tuple[int, int]:
    """Sync for three hours and until all calls ended; return the numbers of lost and stale calls.

    A stale call is ACTIVE in the copy only.
    """
    telephony = Telephony(live, Random(seed))
    telephony.plan()
    live.fake.on_request = telephony.advance_a_second
    at = float(NOON)
    while at < NOON + SPAN + MAX_DELAY + MAX_DURATION + 2 * INTERVAL:
        at += INTERVAL
        telephony.advance_to(at)
        await live.sync(since=SINCE, lookback=timedelta(seconds=lookback), page_size=20)
    served = {row["id"]: row["status"] for row in live.fake.state.calls}
    copied = dict(live.ask("SELECT id, status FROM calls"))
    assert len(served) > 400
    stale = [call_id for call_id in copied if copied[call_id] == "ACTIVE" != served[call_id]]
    return len(served.keys() - copied.keys()), len(stale)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_stale(tmp_path: Path, seed: int) -> None:
    """The lookback is as long as calls are late (docs/fault-matrix.md P10, P11)."""
    async with living(tmp_path / "calls.db", calls=0) as live:
        assert await sync_all(live, seed, MAX_DELAY) == (0, 0)
        assert live.is_same()


async def test_a_short_lookback_loses_calls(tmp_path: Path) -> None:
    """Without a lookback late calls are lost, but none stays ACTIVE."""
    async with living(tmp_path / "calls.db", calls=0) as live:
        lost, stale = await sync_all(live, 1, 0)
    assert lost > 0
    assert stale == 0
