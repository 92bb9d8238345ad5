"""The pager: no row lost or repeated, no unnecessary request, nothing left pending."""

from __future__ import annotations

import asyncio
import math
from itertools import chain, islice
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from roistat_async import errors
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import PagedList

TOTALS = ["matches", "page", "absent", "zero", "too small"]
still_lists = st.builds(
    PagedList, ids=st.integers(0, 60).map(lambda number: list(range(number))),
    max_limit=st.none() | st.integers(1, 12), total=st.sampled_from(TOTALS),
    short=st.sampled_from([0, 0, 1, 5]), seed=st.integers(0, 9),
)  # fmt: skip
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
        rows = await pager.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return rows

    return asyncio.run(main())


@given(still_lists, options)
def test_a_still_list_is_whole_and_in_order(rows: PagedList, arguments: dict[str, Any]) -> None:
    """Every row is returned once and in order, and few requests are beyond the end or the limit."""
    offset, limit, prefetch = (arguments[name] for name in ("offset", "limit", "prefetch"))
    expected = rows.ids[offset:]
    assert collect(rows.pager(**arguments)) == (expected if limit is None else expected[:limit])
    per_page = 1 + prefetch if rows.short else 1
    assert len(rows.requests) <= rows.decoded * per_page + 2 * prefetch + 1
    if rows.total == "matches":
        assert all(first <= max(len(rows.ids), offset) for _, first in rows.requests)
    assert all(first + size <= offset + (limit or 10**9) for size, first in rows.requests)


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 6))
def test_an_even_list_costs_its_pages_and_the_proof(count: int, size: int, prefetch: int) -> None:
    """A list costs ceil(N / page) requests, and one for the final empty page."""
    rows = PagedList(list(range(count)))
    collect(rows.pager(page_size=size, prefetch=prefetch))
    assert len(rows.requests) == len(set(rows.requests)) == math.ceil(count / size) + 1


@given(st.integers(0, 40), options, st.integers(1, 3), st.sampled_from(TOTALS))
def test_pages_that_overlap_show_no_row_twice(
    count: int, arguments: dict[str, Any], overlap: int, total: str
) -> None:
    """Rows repeated at the edge of a page are returned once."""
    page_size = arguments["page_size"] + overlap
    rows = PagedList(list(range(count)), overlap=overlap, total=total)
    assert collect(rows.pager(page_size=page_size, prefetch=arguments["prefetch"])) == rows.ids


@given(st.integers(0, 40), options, st.sampled_from(TOTALS))
def test_p45_an_ignored_offset(count: int, arguments: dict[str, Any], total: str) -> None:
    """A server that ignores offsets ends the list with PagingError, unless one page holds all."""
    rows = PagedList(list(range(count)), ignores_offset=True, total=total)
    pager = rows.pager(**{**arguments, "offset": 0})
    size, limit = arguments["page_size"], arguments["limit"]
    # Others could not be told from a list of one page.
    assume(total == "matches" or (size > 1 and size not in (count, count // 3)))
    if count <= size or (limit is not None and limit <= size):
        assert collect(pager) == rows.ids[:limit]
    else:
        with pytest.raises(errors.PagingError, match="same rows for any offset"):
            collect(pager)
    assert len(rows.requests) <= 3 + arguments["prefetch"]


@given(
    st.integers(0, 40), options, st.sampled_from(TOTALS), st.integers(0, 10**6),
    st.sampled_from(["grows", "shrinks", "both"]),
)  # fmt: skip
def test_a_changing_list_ends_without_duplicates(
    count: int, arguments: dict[str, Any], total: str, seed: int, how: str
) -> None:
    """A list that changes is read without duplicates, and the walk ends."""
    random, new = Random(seed), iter(range(10**6, 10**6 + 40))

    def change(ids: list[int]) -> None:
        if how != "shrinks" and random.random() < 0.5:
            ids[:0] = islice(new, random.randint(0, 2))
        if how != "grows" and ids and random.random() < 0.5:
            del ids[random.randrange(len(ids))]

    rows = PagedList(list(range(count)), change=change, total=total)
    returned = collect(rows.pager(**arguments))
    assert len(returned) == len(set(returned))
    assert len(rows.requests) <= 2 * (count + 40) + 10


async def test_first_costs_one_request_for_one_row() -> None:
    """`first` costs one request and returns the first row, or None; limit=0 requests nothing."""
    rows = PagedList([7, 8, 9])
    assert await rows.pager(offset=1).first() == 8
    assert await rows.pager(limit=0).first() is None
    assert (await rows.pager(limit=0).collect(), rows.requests) == ([], [(1, 1)])
    assert await PagedList([]).pager().first() is None


BAD = [BadRecord(index, "$.date", "no date") for index in range(2)]


def batch(*ids: int, bad: int = 0, odd: dict[str, int] | None = None) -> RowBatch[int]:
    return RowBatch([*ids], [*ids], None, BAD[:bad], list("xy"[:bad]), odd=odd or {})


def pager_of(*pages: RowBatch[int], **options: Any) -> Pager[int]:
    """Return a pager over these pages of one size, and then empty ones."""
    size = pages[0].row_count

    async def fetch(limit: int, offset: int) -> RowBatch[int]:
        return pages[offset // size] if offset // size < len(pages) else batch()

    return Pager(fetch, lambda page: page, **{"page_size": size, "prefetch": 0, **options})


@pytest.mark.parametrize(
    "pages",
    [[[2, 1, 2], [3, 4, 5]], [[0, 1], [2, 3], [4, 5], [0, 6], [7, 8]]],
    ids=["same page", "three pages later"],
)
async def test_a_row_shown_twice_is_returned_once(pages: list[list[int]]) -> None:
    """A row that the list shows again is returned once, at its first position."""
    expected = list(dict.fromkeys(chain.from_iterable(pages)))
    assert await pager_of(*(batch(*ids) for ids in pages)).collect() == expected


async def test_a_server_that_ignores_limits_does_not_break_ours() -> None:
    """No more rows than the limit are returned from a page that holds more."""
    assert await pager_of(batch(*range(30)), limit=5, page_size=5).collect() == [0, 1, 2, 3, 4]


async def test_bad_records_are_collected() -> None:
    """Unreadable rows end no list, and each iteration collects them anew."""
    pager = pager_of(batch(0, 1), batch(bad=2), batch(4, 5))
    for _ in range(2):
        pages = [(page.items, page.bad_records) async for page in pager.pages()]
        assert (pages, pager.bad_records) == ([([0, 1], []), ([], BAD), ([4, 5], [])], BAD)


async def test_known_rows_of_either_kind_hide_no_new_one() -> None:
    """A page that repeats a readable or unreadable row is searched for new ones."""
    assert await pager_of(batch(1, bad=1), batch(2, bad=1), batch(2, bad=1)).collect() == [1, 2]


@pytest.mark.parametrize(("after", "expected"), [([7, 8], 7), ([], None)])
async def test_first_skips_unreadable_records(after: list[int], expected: int | None) -> None:
    """`first` returns the first readable row, or None if every record is unreadable."""
    pager = pager_of(batch(bad=2), batch(*after))
    assert (await pager.first(), pager.bad_records) == (expected, BAD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("page_size", 0), ("page_size", "10"), ("page_size", True), ("offset", -1)],
        *[("offset", 1.5), ("limit", -1), ("prefetch", -1), ("prefetch", None)],
    ],
)
def test_invalid_numbers_are_refused(name: str, value: object) -> None:
    """Invalid numbers are refused when the pager is created."""
    match = f"{name} must be a whole number of at least [01]"
    with pytest.raises(errors.ConfigurationError, match=match):
        PagedList([]).pager(**{name: value})


def hiccup_at(rows: PagedList, index: int, total: int | None) -> Pager[int]:
    """Return a pager whose request of an index, counted from 0, gets an empty page."""

    async def fetch(limit: int, offset: int) -> RowBatch[int]:
        page = await rows.fetch(limit, offset)
        return RowBatch([], [], total) if len(rows.requests) == index + 1 else page

    return Pager(fetch, lambda page: page, page_size=10, prefetch=0)


@pytest.mark.parametrize(
    ("index", "total"), [(0, 45), *[(n, total) for n in range(1, 6) for total in (45, 0, None)]]
)
async def test_p41_an_empty_page_in_the_middle(index: int, total: int | None) -> None:
    """An empty page that the total or the page before contradicts is requested again."""
    rows = PagedList(list(range(45)))
    assert await hiccup_at(rows, index, total).collect() == rows.ids
    assert len(rows.requests) == 6 + (index < 5)
    if not index:
        assert await hiccup_at(PagedList(rows.ids), 0, total).first() == 0


async def test_p41_a_total_that_is_never_reached() -> None:
    """A list that ends before its total raises PagingError after the pages there are."""
    rows = PagedList(list(range(25)), total="too large")
    pages = rows.pager(page_size=10).pages()
    for offset in (0, 10, 20):
        page = await anext(pages)
        assert (page.offset, page.total) == (offset, 82)
    with pytest.raises(errors.PagingError, match="counts 82 rows") as caught:
        await anext(pages)
    assert caught.value.rows == 25
    assert len(rows.requests) < 14


@pytest.mark.parametrize("error", [errors.InvalidRequestError, errors.NotFoundError])
async def test_p44_an_error_for_an_offset_past_the_end(error: type[errors.APIError]) -> None:
    """An error for the offset behind the last row is the end of the list; others are raised."""

    def refuse(offset: int) -> None:
        if offset >= len(rows.ids):
            raise error("incorrect_request", "Offset is too large")

    rows = PagedList(list(range(20)), on_request=refuse)
    assert await rows.pager(page_size=10).collect() == rows.ids
    rows.total = "absent"
    with pytest.raises(error):
        await rows.pager(page_size=10).collect()


async def test_odd_values_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Odd values are counted by field, and each field is logged once."""
    odd = {"visit.device": 2}
    pager = pager_of(batch(1, 2, odd=odd), batch(3, 4, odd=odd))
    await pager.collect()
    assert pager.odd_values == {"visit.device": 4}
    (record,) = caplog.records
    assert (record.levelname, "visit.device" in record.getMessage()) == ("WARNING", True)


async def test_a_first_page_costs_one_request() -> None:
    """`first_page` returns the rows at its offset, never more than its limit, in one request."""
    rows = PagedList([*range(50)])
    page = await rows.pager(page_size=20, offset=10, limit=5).first_page()
    assert (page.items, page.total, page.offset) == ([*range(10, 15)], 50, 10)
    empty = await rows.pager(page_size=20, offset=60).first_page()
    assert (empty.items, rows.requests) == ([], [(5, 10), (20, 60)])
