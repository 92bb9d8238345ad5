"""The report of a walk counts every request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from roistat_async.errors import RoistatError
from roistat_async.models.calls import Call
from roistat_async.models.page import RowBatch
from roistat_async.paging.page_fetcher import PageQuery, Reduction
from tests.paging.changing_list import ChangingList


class Slow(ChangingList):
    """List that refuses periods of more than a minute."""

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        if ask.before - ask.after > timedelta(seconds=60):
            self.requests += 1
            raise RoistatError("too much")
        return await super().fetch(ask)


def period(_: RoistatError) -> Reduction:
    return "period"


CALLS = {str(second): second for second in range(0, 100, 2)}
TIED = {**CALLS, **{str(1000 + number): 50 for number in range(30)}}
TWICE = {**TIED, **{str(2000 + number): 60 for number in range(30)}}
WORLDS: dict[str, Callable[[], ChangingList]] = {
    "plain": lambda: ChangingList(calls=CALLS, span=100),
    "a full second": lambda: ChangingList(calls=TIED, span=100),
    "only a call at the end itself": lambda: ChangingList(
        calls={"1": 100}, span=100, before_inclusive=True
    ),
    "more calls at the end itself": lambda: ChangingList(
        calls={**CALLS, "1001": 100, "1002": 100, "1003": 100}, span=100, before_inclusive=True
    ),
    "the start itself": lambda: ChangingList(calls=TWICE, span=100, after_inclusive=True),
    "too much at once": lambda: Slow(calls=CALLS, span=100),
}


@pytest.mark.parametrize("made", WORLDS.values(), ids=WORLDS)
async def test_each_request_counts(made: Callable[[], ChangingList]) -> None:
    """Requests for a proof and reduced ones are counted too."""
    world = made()
    walk = world.walk(page_size=10, wants_less=period)
    found = [call.id async for call in walk]
    assert sorted(found) == sorted(one for one, second in world.calls.items() if second < 100)
    assert walk.report.requests == world.requests
