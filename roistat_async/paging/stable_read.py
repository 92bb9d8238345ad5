"""Read a time range that holds more calls than one page, by offset, until two readings agree.

An offset shifts when a call before it is added or deleted, and calls of one second may change their
order between responses. So a reading is accepted only if it found as many calls as there were
offsets at its end, and only if the next reading finds all of them again. Then none of them was
deleted before its end: they are the calls of one instant, and all of them
(docs/history-walk.md §2.1).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime

from ..errors import PagingError
from ..models.calls import Call
from .page_fetcher import PageFetcher

_READINGS = 8
_PASSES = 24
_MAX_PAGES = 2000
Reading = dict[Hashable, Call | None]


async def read_stable(
    fetcher: PageFetcher, start: datetime, end: datetime, known: frozenset[Hashable] | None = None
) -> list[Call]:
    """Return the calls of [start, end) in order; `known` are the keys of a reading just made.

    Raises PagingError if no two consecutive readings agree.
    """
    earlier = known
    pages = iter(range(_MAX_PAGES))
    for _ in range(_READINGS):
        reading = await _read_once(fetcher, start, end, pages)
        if earlier is not None and earlier <= reading.keys():
            calls = [call for call in reading.values() if call is not None]
            return sorted(calls, key=lambda call: call.date)
        earlier = frozenset(reading)
    raise PagingError(f"the calls of {start} change faster than they can be read; try again later")


async def _read_once(
    fetcher: PageFetcher, start: datetime, end: datetime, pages: Iterator[int]
) -> Reading:
    """Read all offsets repeatedly until as many calls were found as there are offsets."""
    reading: Reading = {}
    for _ in range(_PASSES):
        size = await _scan_offsets(fetcher, start, end, pages, reading)
        if len(reading) == size:
            return reading
        if len(reading) > size:  # some were deleted: start again
            reading.clear()
    raise PagingError(
        f"the calls of {start} are in another order in each response, so that some may be missed; "
        "a larger page_size may hold them on one page"
    )


async def _scan_offsets(
    fetcher: PageFetcher, start: datetime, end: datetime, pages: Iterator[int], reading: Reading
) -> int:
    """Read the offsets in order and return how many different rows there are."""
    offset = count = 0
    total: int | None = None
    for _ in pages:
        page = await fetcher.fetch(start, end, offset=offset, known_total=total)
        if page.before != end:
            raise PagingError("the server refuses a time range that it accepted before")
        if page.is_empty:
            return count
        calls = {call.id: call for call in page.calls}
        reading.update(calls)  # first: they keep the order of the server
        reading.update(dict.fromkeys(page.keys - calls.keys()))
        offset += page.received
        count += len(page.keys)  # a row that stands twice on the page is one
        total = page.total
        if offset > 8 * max(page.received, fetcher.largest_page, len(reading)):
            raise PagingError(
                f"the second {start} holds more calls than a page, and the server returns "
                "the same ones for any offset; a larger page_size may hold them"
            )
    raise PagingError(
        f"the calls of {start} could not be read in {_MAX_PAGES} pages; use a larger page_size"
    )
