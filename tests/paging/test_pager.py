"""The pager: no row lost or repeated, no unnecessary request, nothing left pending."""

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
from tests.paging.paged_list import PagedList

TOTALS = ["matches", "page", "absent", "zero", "too large", "too small"]
still_lists = st.builds(
    PagedList,
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
def test_a_still_list_is_given_whole_and_in_order(world: PagedList, given: dict[str, Any]) -> None:
    """Every row is returned once and in order, whatever the limit, page lengths and total."""
    found = collect(world.pager(**given))
    rest = world.ids[given["offset"] :]
    assert found == (rest if given["limit"] is None else rest[: given["limit"]])


@given(still_lists, options)
@settings(max_examples=200)
def test_requests_are_bounded(world: PagedList, given: dict[str, Any]) -> None:
    """A received page costs one request; unused ones are bounded by the prefetch."""
    collect(world.pager(**given))
    useful = len(world.read)
    ahead = given["prefetch"]
    is_even = world.short == 0
    assert len(world.asked) <= useful * (1 if is_even else 1 + ahead) + 2 * ahead + 1


@given(still_lists, options)
@settings(max_examples=200)
def test_nothing_is_asked_beyond_the_end(world: PagedList, given: dict[str, Any]) -> None:
    """No request is beyond the reported total, except the final one."""
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
    """A list costs ceil(N / page) requests, and one for the final empty page."""
    world = PagedList(list(range(rows)))
    collect(world.pager(page_size=size, prefetch=prefetch))
    assert len(world.asked) == math.ceil(rows / size) + 1
    assert len(set(world.asked)) == len(world.asked)


@given(st.integers(0, 40), options, st.integers(1, 3), st.sampled_from(TOTALS))
@settings(max_examples=200)
def test_pages_that_overlap_give_no_doubles(
    rows: int, given: dict[str, Any], overlap: int, total: str
) -> None:
    """Rows repeated at the edge of a page are returned once."""
    given = {**given, "page_size": given["page_size"] + overlap, "offset": 0, "limit": None}
    world = PagedList(list(range(rows)), overlap=overlap, total=total)
    assert collect(world.pager(**given)) == world.ids


@given(st.integers(0, 40), options, st.sampled_from(TOTALS))
@settings(max_examples=200)
def test_an_ignored_offset_ends(rows: int, given: dict[str, Any], total: str) -> None:
    """A server that ignores offsets ends the list after one page without new ids."""
    world = PagedList(list(range(rows)), ignores_offset=True, total=total)
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
def test_a_changing_list_ends_without_duplicates(
    rows: int, given: dict[str, Any], total: str, seed: int, how: str
) -> None:
    """A list that changes is read without duplicates, and the walk ends."""
    random, fresh = Random(seed), iter(range(10**6, 10**6 + 40))

    def change(ids: list[int]) -> None:
        if how != "shrinks" and random.random() < 0.5:
            ids[:0] = [one for one, _ in zip(fresh, range(random.randint(0, 2)), strict=False)]
        if how != "grows" and ids and random.random() < 0.5:
            del ids[random.randrange(len(ids))]

    world = PagedList(list(range(rows)), change=change, total=total)
    found = collect(world.pager(**given))
    assert len(found) == len(set(found))
    assert len(world.asked) <= 2 * (rows + 40) + 10


async def test_first_costs_one_request_for_one_row() -> None:
    """`first` costs one request and returns the first row, or None."""
    world = PagedList([7, 8, 9])
    assert await world.pager(offset=1).first() == 8
    assert world.asked == [(1, 1)]
    assert await PagedList([]).pager().first() is None


async def test_a_limit_of_nothing_asks_nothing() -> None:
    """limit=0 returns no rows and sends no request."""
    world = PagedList([1])
    assert await world.pager(limit=0).collect() == []
    assert await world.pager(limit=0).first() is None
    assert world.asked == []


async def test_a_limit_asks_for_no_more_than_it_needs() -> None:
    """A limit of 25 in pages of ten requests 10, 10 and 5 rows."""
    world = PagedList(list(range(100)))
    assert await world.pager(page_size=10, limit=25).collect() == list(range(25))
    assert sorted(world.asked, key=lambda one: one[1]) == [(10, 0), (10, 10), (5, 20)]


async def test_pages_have_offset_and_total() -> None:
    """Each page has its offset and the reported total."""
    pages = [page async for page in PagedList(list(range(25))).pager(page_size=10).pages()]
    assert [(page.offset, len(page.items), page.total) for page in pages] == [
        (0, 10, 25),
        (10, 10, 25),
        (20, 5, 25),
    ]


async def test_each_iteration_asks_anew() -> None:
    """A pager can be iterated twice."""
    world = PagedList(list(range(5)))
    pager = world.pager()
    assert await pager.collect() == await pager.collect() == world.ids
    assert len(world.asked) == 4


async def test_bad_records_are_collected() -> None:
    """A page of unreadable rows does not end the list, and each of them is collected once."""
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
    """Invalid numbers are refused when the pager is created."""
    (name,) = wrong
    with pytest.raises(
        errors.ConfigurationError, match=f"{name} must be a whole number of at least [01]"
    ):
        PagedList([]).pager(**wrong)
