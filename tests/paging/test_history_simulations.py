"""Thousands of generated lists that change while they are read: no call lost or repeated."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing, suppress
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roistat_async import Call
from roistat_async.errors import PagingError
from roistat_async.paging.checked_page import PageQuery
from tests.paging.changing_list import ChangingList, EndlessError, at

# The same lists in every run; --hypothesis-profile=long generates more of them.
SIMULATIONS = settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def _calls(seed: int, count: int, span: int, ties: float) -> dict[str, int]:
    """Spread calls over the seconds, some of them in a second that has one already."""
    random = Random(seed)
    seconds: list[int] = []
    for _ in range(count):
        is_tied = seconds and random.random() < ties
        seconds.append(random.choice(seconds) if is_tied else random.randrange(span))
    return {str(number): second for number, second in enumerate(seconds)}


@st.composite
def changing_lists(draw: st.DrawFn) -> ChangingList:
    """Draw a list, its habits and its changes."""
    seed, span = draw(st.integers(0, 10**9)), draw(st.sampled_from([1, 5, 60, 1000]))
    ties = draw(st.sampled_from([0.0, 0.3, 0.6, 0.95]))
    rarely = st.sampled_from([False] * 9 + [True])
    ignores_offset = draw(rarely)
    calls = _calls(seed, draw(st.integers(0, 60)), span, ties)
    ids = st.sampled_from([*calls] or ["0"])
    habits = ["ignores_filter", "descending", "after_inclusive", "before_inclusive"]
    return ChangingList(
        calls=calls,
        span=span,
        seed=seed,
        churn=draw(st.sampled_from([0.0, 0.0, 0.05, 0.3])),
        clamp=draw(st.sampled_from([None, None, 1, 2, 3, 5])),
        shuffled=draw(st.booleans()),
        ignores_offset=ignores_offset,
        # Cut at random *and* the same at any offset: nothing could be told from such responses.
        short=draw(rarely) and not ignores_offset,
        **{name: draw(rarely) for name in habits},  # type: ignore[arg-type]  # all are flags
        repeated=draw(st.frozensets(ids, max_size=3)) if draw(rarely) else frozenset(),
        bad=draw(st.dictionaries(ids, st.sampled_from(["id", "date"]))) if draw(rarely) else {},
        shift=draw(st.sampled_from([-200, -1, 1, 3, 200])) if draw(rarely) else 0,
        total=draw(st.sampled_from(["matches", "page", "absent", "zero", "everything"])),
    )


def _check(ids: list[str], calls: ChangingList) -> None:
    assert not [key for key, times in Counter(ids).items() if times > 1], "duplicated"
    seconds = {key: calls.calls[key] + calls.shift for key in calls.stayed}
    assert {key for key in seconds if 0 <= seconds[key] < calls.span} <= set(ids), "lost"
    assert set(ids) <= calls.ever, "made up"


@SIMULATIONS
@given(calls=changing_lists(), page_size=st.integers(1, 12), concurrency=st.integers(1, 4))
def test_p1_p2_no_call_lost_or_duplicated(
    calls: ChangingList, page_size: int, concurrency: int
) -> None:
    """Each call that stays is returned once, in order, or the walk is refused; it always ends."""

    async def walk() -> list[Call]:
        return [call async for call in calls.walk(page_size=page_size, concurrency=concurrency)]

    with suppress(PagingError):
        returned = asyncio.run(walk())
        _check([call.id for call in returned], calls)
        assert [call.date for call in returned] == sorted(call.date for call in returned)


@SIMULATIONS
@given(
    calls=changing_lists(),
    page_size=st.integers(1, 12),
    leave_after=st.lists(st.integers(1, 9), max_size=4),
    by_page=st.booleans(),
)
def test_nothing_is_lost_when_a_walk_resumes(
    calls: ChangingList, page_size: int, leave_after: list[int], by_page: bool
) -> None:
    """A walk that is left and resumed returns each call once too."""

    async def walk_once(limit: int | None, resume_from: str | None) -> tuple[list[str], str]:
        walk = calls.walk(page_size=page_size, concurrency=2, resume_from=resume_from)
        ids: list[str] = []
        iteration: Any = walk.pages() if by_page else aiter(walk)
        async with aclosing(iteration):
            async for item in iteration:
                ids += [call.id for call in item.items] if by_page else [item.id]
                if limit is not None and len(ids) >= limit:
                    break
        return ids, walk.resume_token

    async def walk_all() -> list[str]:
        ids: list[str] = []
        token: str | None = None
        for limit in [*leave_after, None]:
            more, token = await walk_once(limit, token)
            ids += more
        return ids

    # A call whose second is resumed may have been returned and deleted: only what stays counts.
    with suppress(PagingError):
        _check(asyncio.run(walk_all()), calls)


async def _walk_by_offset(calls: ChangingList, page_size: int) -> list[str]:
    """Walk by offset until a short page, as the vendor's example suggests."""
    ids: list[str] = []
    while True:
        page = await calls.fetch(PageQuery(at(-1), at(calls.span), page_size, len(ids)))
        ids += [call.id for call in page.items]
        if page.row_count < page_size:
            return ids


def test_a_walk_by_offset_fails() -> None:
    """A walk by offset loses calls in many of these lists, so passing them means something."""
    failed = Counter[str]()
    random = Random(5)
    for seed in range(300):
        calls = ChangingList(
            calls=_calls(seed, 50, 60, 0.3), span=60, seed=seed, max_requests=500,
            churn=random.choice([0.0, 0.3]), clamp=random.choice([None, 5]),
            shuffled=random.random() < 0.5, ignores_offset=random.random() < 0.1,
        )  # fmt: skip
        try:
            _check(asyncio.run(_walk_by_offset(calls, 10)), calls)
        except EndlessError:
            failed["endless"] += 1
        except AssertionError as error:
            failed[str(error).split("\n")[0]] += 1
    assert failed["lost"] > 50
    assert failed["duplicated"] > 30
    assert failed["endless"] > 5
