"""The pager: no loss, no doubles, no request too many, and nothing left behind."""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async import errors
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import Listing

TOTALS = ["matches", "page", "absent", "zero", "too large", "too small"]
still_lists = st.builds(
    Listing,
    ids=st.integers(0, 60).map(lambda number: list(range(number))),
    most=st.none() | st.integers(1, 12),
    total=st.sampled_from(TOTALS),
    short=st.sampled_from([0, 0, 1, 5]),
    seed=st.integers(0, 9),
)
options = st.fixed_dictionaries(
    {
        "page_size": st.integers(1, 20),
        "offset": st.integers(0, 10),
        "limit": st.none() | st.integers(0, 70),
        "prefetch": st.integers(0, 6),
    }
)


def collect(pager: Pager[int]) -> list[int]:
    async def main() -> list[int]:
        found = await pager.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found

    return asyncio.run(main())


@given(still_lists, options)
@settings(max_examples=400)
def test_a_still_list_is_given_whole_and_in_order(world: Listing, given: dict[str, Any]) -> None:
    """Clamped limits, short pages, any total: every row once, in order, within the limit."""
    found = collect(world.pager(**given))
    rest = world.ids[given["offset"] :]
    assert found == (rest if given["limit"] is None else rest[: given["limit"]])


@given(still_lists, options)
@settings(max_examples=200)
def test_requests_are_bounded(world: Listing, given: dict[str, Any]) -> None:
    """A page that came is one request; those in vain are as many as were ahead of short ones."""
    collect(world.pager(**given))
    useful = len(world.read)
    ahead = given["prefetch"]
    is_even = world.short == 0
    assert len(world.asked) <= useful * (1 if is_even else 1 + ahead) + 2 * ahead + 1


@given(still_lists, options)
@settings(max_examples=200)
def test_nothing_is_asked_beyond_the_end(world: Listing, given: dict[str, Any]) -> None:
    """No request lies beyond the reported total, but the one that proves the end."""
    world.total = "matches"
    collect(world.pager(**given))
    end = max(len(world.ids), given["offset"])
    assert all(offset <= end for _, offset in world.asked)
    if given["limit"] is not None:
        last = given["offset"] + given["limit"]
        assert all(offset + size <= last for size, offset in world.asked)


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 6))
@settings(max_examples=200)
def test_an_even_list_costs_its_pages_and_the_proof(rows: int, size: int, prefetch: int) -> None:
    """ceil(N / page) requests, and one that finds nothing more."""
    world = Listing(list(range(rows)))
    collect(world.pager(page_size=size, prefetch=prefetch))
    assert len(world.asked) == math.ceil(rows / size) + 1
    assert len(set(world.asked)) == len(world.asked)


@given(st.integers(0, 40), options, st.integers(1, 3), st.sampled_from(TOTALS))
@settings(max_examples=200)
def test_pages_that_overlap_give_no_doubles(
    rows: int, given: dict[str, Any], overlap: int, total: str
) -> None:
    """Rows shown again at the edge of a page are given once."""
    given = {**given, "page_size": given["page_size"] + overlap, "offset": 0, "limit": None}
    world = Listing(list(range(rows)), overlap=overlap, total=total)
    assert collect(world.pager(**given)) == world.ids


@given(st.integers(0, 40), options, st.sampled_from(TOTALS))
@settings(max_examples=200)
def test_an_ignored_offset_ends(rows: int, given: dict[str, Any], total: str) -> None:
    """The first page for ever is given once; it costs one page of proof and those ahead."""
    world = Listing(list(range(rows)), ignores_offset=True, total=total)
    found = collect(world.pager(**given))
    assert len(found) == len(set(found)) <= given["page_size"]
    assert len(world.asked) <= 2 + given["prefetch"]


@given(
    st.integers(0, 40),
    options,
    st.sampled_from(TOTALS),
    st.integers(0, 10**6),
    st.sampled_from(["grows", "shrinks", "both"]),
)
@settings(max_examples=300)
def test_a_moving_list_gives_no_doubles_and_ends(
    rows: int, given: dict[str, Any], total: str, seed: int, how: str
) -> None:
    """Rows come at the head or go anywhere: none is given twice, and it ends."""
    random, fresh = Random(seed), iter(range(10**6, 10**6 + 40))

    def change(ids: list[int]) -> None:
        if how != "shrinks" and random.random() < 0.5:
            ids[:0] = [one for one, _ in zip(fresh, range(random.randint(0, 2)), strict=False)]
        if how != "grows" and ids and random.random() < 0.5:
            del ids[random.randrange(len(ids))]

    world = Listing(list(range(rows)), change=change, total=total)
    found = collect(world.pager(**given))
    assert len(found) == len(set(found))
    assert len(world.asked) <= 2 * (rows + 40) + 10


async def test_first_costs_one_request_for_one_row() -> None:
    """The first row, or None."""
    world = Listing([7, 8, 9])
    assert await world.pager(offset=1).first() == 8
    assert world.asked == [(1, 1)]
    assert await Listing([]).pager().first() is None


async def test_a_limit_of_nothing_asks_nothing() -> None:
    """limit=0: no rows and no request."""
    world = Listing([1])
    assert await world.pager(limit=0).collect() == []
    assert await world.pager(limit=0).first() is None
    assert world.asked == []


async def test_a_limit_asks_for_no_more_than_it_needs() -> None:
    """25 rows in pages of ten: 10, 10 and 5."""
    world = Listing(list(range(100)))
    assert await world.pager(page_size=10, limit=25).collect() == list(range(25))
    assert sorted(world.asked, key=lambda one: one[1]) == [(10, 0), (10, 10), (5, 20)]


async def test_pages_tell_their_place() -> None:
    """Each page knows its offset and the total that was reported."""
    pages = [page async for page in Listing(list(range(25))).pager(page_size=10).pages()]
    assert [(page.offset, len(page.items), page.total) for page in pages] == [
        (0, 10, 25),
        (10, 10, 25),
        (20, 5, 25),
    ]


async def test_each_iteration_asks_anew() -> None:
    """A pager can be walked twice."""
    world = Listing(list(range(5)))
    pager = world.pager()
    assert await pager.collect() == await pager.collect() == world.ids
    assert len(world.asked) == 4


async def test_bad_records_are_kept_aside() -> None:
    """A page of nothing but bad rows does not end the list; they are told once each."""
    bad = [BadRecord(index, "$.date", "no date") for index in range(2)]

    async def fetch(limit: int, offset: int) -> int:
        return offset

    def read(offset: int) -> RowBatch[int]:
        if offset >= 6:
            return RowBatch([], [], 6)
        if offset == 2:
            return RowBatch([], [], 6, bad, ["x", "y"])
        return RowBatch([offset, offset + 1], [offset, offset + 1], 6)

    pager = Pager(fetch, read, page_size=2)
    assert await pager.collect() == [0, 1, 4, 5]
    assert pager.bad_records == bad


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_size": 0},
        {"page_size": "10"},
        {"page_size": True},
        {"offset": -1},
        {"offset": 1.5},
        {"limit": -1},
        {"prefetch": -1},
        {"prefetch": None},
    ],
)
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    """Checked when the pager is made, before any request."""
    (name,) = wrong
    with pytest.raises(
        errors.ConfigurationError, match=f"{name} must be a whole number of at least [01]"
    ):
        Listing([]).pager(**wrong)
