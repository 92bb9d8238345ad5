"""A sync every five minutes from a server where calls appear late and end late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from operator import itemgetter
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

from tests.sync.live import NOON, Live, living, moment

INTERVAL = 300.0
MAX_DELAY = 600.0  # seconds after its date in which a call appears
MAX_DURATION = 1800.0  # seconds for which a call is ACTIVE
SPAN = 4800.0
SINCE = moment(NOON) - timedelta(hours=1)


@define
class Telephony:
    """Calls that appear and end as time passes; each request takes a second of it."""

    live: Live
    events: list[tuple[float, Callable[[], object]]] = field(factory=list)
    """Time and action of what is still to happen, the latest first."""

    def plan(self, random: Random) -> None:
        """Plan a call every twenty seconds on average, some of them in the same second."""
        state, date = self.live.fake.state, NOON - 600.0
        for number in count(10_000):
            date += random.choice([0, 1, 10, 20, 40, 60])
            if date > NOON + SPAN:
                break
            add = partial(state.add_call, id=f"{number}", date=date)
            appears_at = date + (random.uniform(0, MAX_DELAY) if random.random() < 0.3 else 0)
            if random.random() < 0.2:
                add = partial(add, status="ACTIVE", duration=0)
                end = partial(state.edit_call, f"{number}", status="ANSWER", duration=40)
                self.events.append((appears_at + random.uniform(10, MAX_DURATION), end))
            self.events.append((appears_at, add))
        self.events.sort(key=itemgetter(0), reverse=True)

    def advance_to(self, at: float) -> None:
        self.live.time.now = max(self.live.time.now, at)
        while self.events and self.events[-1][0] <= self.live.time.now:
            self.events.pop()[1]()


async def sync_all(live: Live, seed: int, lookback: float) -> tuple[int, int]:
    """Sync until all calls ended; return the numbers of lost calls and of those wrongly ACTIVE."""
    telephony = Telephony(live)
    telephony.plan(Random(seed))
    live.fake.on_request = lambda _: telephony.advance_to(live.time.now + 1)
    at = float(NOON)
    while at < NOON + SPAN + MAX_DELAY + MAX_DURATION + 2 * INTERVAL:
        at += INTERVAL
        telephony.advance_to(at)
        await live.sync(since=SINCE, lookback=timedelta(seconds=lookback), page_size=20)
    served = {row["id"]: row["status"] for row in live.fake.state.calls}
    copied = dict(live.ask("SELECT id, status FROM calls"))
    assert len(served) > 200
    stale = [call_id for call_id in copied if copied[call_id] == "ACTIVE" != served[call_id]]
    return len(served.keys() - copied.keys()), len(stale)


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 10))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_or_stale(tmp_path: Path, seed: int) -> None:
    """The lookback is as long as calls are late (docs/fault-matrix.md P10, P11)."""
    async with living(tmp_path / "calls.db", calls=0) as live:
        assert await sync_all(live, seed, MAX_DELAY) == (0, 0)
        assert live.is_same()


async def test_a_short_lookback_loses_calls(tmp_path: Path) -> None:
    """Without a lookback late calls are lost, but none stays ACTIVE."""
    async with living(tmp_path / "calls.db", calls=0) as live:
        lost, stale = await sync_all(live, 1, 0)
    assert (lost > 0, stale) == (True, 0)
