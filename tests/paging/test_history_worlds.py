"""Thousands of generated lists that change while they are read: no call lost or repeated."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roistat_async.errors import PagingError
from tests.paging.changing_list import ChangingList, EndlessError, at

# The same worlds in every run; more of them, and others, by a larger max_examples without
# derandomize.
WORLDS = settings(
    max_examples=1000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def _calls(seed: int, count: int, span: int, ties: float) -> dict[str, int]:
    """Spread calls over the seconds, some of them in a second that has one already."""
    random = Random(seed)
    seconds: list[int] = []
    for _ in range(count):
        tied = seconds and random.random() < ties
        seconds.append(random.choice(seconds) if tied else random.randrange(span))
    return {str(number): second for number, second in enumerate(seconds)}


@st.composite
def worlds(draw: st.DrawFn) -> ChangingList:
    """Draw a list, its habits and its changes."""
    seed, span = draw(st.integers(0, 10**9)), draw(st.sampled_from([1, 5, 60, 1000]))
    calls = _calls(
        seed, draw(st.integers(0, 60)), span, draw(st.sampled_from([0.0, 0.3, 0.6, 0.95]))
    )
    odd = st.sampled_from([False] * 9 + [True])
    ignores_offset = draw(odd)
    return ChangingList(
        calls=calls,
        span=span,
        seed=seed,
        churn=draw(st.sampled_from([0.0, 0.0, 0.05, 0.3])),
        clamp=draw(st.sampled_from([None, None, 1, 2, 3, 5])),
        shuffled=draw(st.booleans()),
        ignores_offset=ignores_offset,
        # Cut at random *and* the same at any offset: nothing could be told from such answers.
        short=draw(odd) and not ignores_offset,
        ignores_sort=draw(odd),
        ignores_filter=draw(odd),
        descending=draw(odd),
        after_inclusive=draw(odd),
        before_inclusive=draw(odd),
        total=draw(st.sampled_from(["matches", "page", "absent", "zero", "everything"])),
    )


def _check(given: list[str], world: ChangingList) -> None:
    assert not [one for one, times in Counter(given).items() if times > 1], "doubled"
    assert world.stayed <= set(given), "lost"
    assert set(given) <= world.ever, "made up"


@WORLDS
@given(world=worlds(), page_size=st.integers(1, 12), concurrency=st.integers(1, 4))
def test_p1_p2_nothing_is_lost_or_doubled(
    world: ChangingList, page_size: int, concurrency: int
) -> None:
    """Each call that stays is returned once, in order, or the walk is refused; it always ends."""

    async def walk() -> list[Any] | None:
        try:
            return [call async for call in world.walk(page_size=page_size, concurrency=concurrency)]
        except PagingError:
            return None

    calls = asyncio.run(walk())
    if calls is not None:
        _check([call.id for call in calls], world)
        assert [call.date for call in calls] == sorted(call.date for call in calls)


@WORLDS
@given(
    world=worlds(),
    page_size=st.integers(1, 12),
    leave_after=st.lists(st.integers(1, 9), max_size=4),
    by_page=st.booleans(),
)
def test_nothing_is_lost_when_a_walk_resumes(
    world: ChangingList, page_size: int, leave_after: list[int], by_page: bool
) -> None:
    """A walk that is left and resumed returns each call once too."""

    async def one_walk(most: int | None, resume_from: str | None) -> tuple[list[str], str]:
        walk = world.walk(page_size=page_size, concurrency=2, resume_from=resume_from)
        given: list[str] = []
        if by_page:
            async with aclosing(walk.pages()) as pages:
                async for page in pages:
                    given += [call.id for call in page.items]
                    if most is not None and len(given) >= most:
                        break
        else:
            async with aclosing(aiter(walk)) as calls:
                async for call in calls:
                    given.append(call.id)
                    if len(given) == most:
                        break
        return given, walk.resume_token

    async def walk() -> list[str] | None:
        given: list[str] = []
        place: str | None = None
        try:
            for most in [*leave_after, None]:
                more, place = await one_walk(most, place)
                given += more
        except PagingError:
            return None
        return given

    # A call whose second is gone on with may have come before and gone: only what stays counts.
    given = asyncio.run(walk())
    if given is not None:
        _check(given, world)


def _still(seed: int) -> ChangingList:
    random = Random(seed)
    count, page = random.randrange(0, 3000), 100
    return ChangingList(
        calls=_calls(seed, count, 40 * max(1, count), 0.02),
        span=40 * max(1, count),
        seed=seed,
        shuffled=True,
        clamp=page,
    )


def test_requests_stay_near_the_ideal() -> None:
    """A list that does not change costs at most 1.25 requests a page, plus four."""
    for seed in range(60):
        world = _still(seed)

        async def walk(world: ChangingList = world, seed: int = seed) -> int:
            history = world.walk(page_size=100, concurrency=1 + seed % 8)
            assert len([call async for call in history]) == len(world.calls)
            return history.report.requests

        requests = asyncio.run(walk())
        assert requests <= 1.25 * -(-len(world.calls) // 100) + 4


async def _naively(world: ChangingList, page_size: int) -> list[str]:
    """Walk by offset until a short page, as the vendor's example suggests."""
    given: list[str] = []
    while True:
        page, _ = await world.page(at(-1), at(world.span), page_size, len(given))
        given += page
        if len(page) < page_size:
            return given


def test_a_walk_by_offset_fails() -> None:
    """A walk by offset loses calls in many of these lists, so passing them means something."""
    failed = Counter[str]()
    random = Random(5)
    for seed in range(300):
        world = ChangingList(
            calls=_calls(seed, 50, 60, 0.3),
            span=60,
            seed=seed,
            churn=random.choice([0.0, 0.3]),
            clamp=random.choice([None, 5]),
            shuffled=random.random() < 0.5,
            ignores_offset=random.random() < 0.1,
        )
        try:
            given = asyncio.run(_naively(world, 10))
            _check(given, world)
        except EndlessError:
            failed["endless"] += 1
        except AssertionError as error:
            failed[str(error).split("\n")[0]] += 1
    assert failed["lost"] > 50
    assert failed["doubled"] > 30
    assert failed["endless"] > 5
