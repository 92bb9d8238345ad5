"""All calls of a stretch that is fuller than a page allows: by their places, and yet with proof.

A place shifts when a call before it comes or goes, and calls of one second may change their
order from one answer to the next. So a reading counts only when it found as many calls as there
were places at its end, and only if the next reading finds all of them again: then none of them was
deleted before its end, so they are all calls of one instant, and as many as there were: all.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime

from ..errors import PagingError
from ..models.calls import Call
from .page_fetcher import PageFetcher

_READINGS = 8
_PASSES = 24
_MOST_PAGES = 2000
Found = dict[Hashable, Call | None]


async def read_stable(
    asker: PageFetcher, start: datetime, end: datetime, known: frozenset[Hashable] | None = None
) -> list[Call]:
    """Give the calls of [start, end) in order; `known` are those of a reading just made.

    Raises PagingError where the server does not let them be told.
    """
    earlier = known
    pages = iter(range(_MOST_PAGES))
    for _ in range(_READINGS):
        found = await _read_once(asker, start, end, pages)
        if earlier is not None and earlier <= found.keys():
            calls = [call for call in found.values() if call is not None]
            return sorted(calls, key=lambda call: call.date)
        earlier = frozenset(found)
    raise PagingError(f"the calls of {start} change faster than they can be read")


async def _read_once(
    asker: PageFetcher, start: datetime, end: datetime, pages: Iterator[int]
) -> Found:
    """Pass over the places until as many calls were found as there are."""
    found: Found = {}
    for _ in range(_PASSES):
        size = await _scan_offsets(asker, start, end, pages, found)
        if len(found) == size:
            return found
        if len(found) > size:  # some are gone: begin anew
            found.clear()
    raise PagingError(
        f"the calls of {start} come in another order each time, too many to be sure of all; "
        "a larger page_size may hold them on one page"
    )


async def _scan_offsets(
    asker: PageFetcher, start: datetime, end: datetime, pages: Iterator[int], found: Found
) -> int:
    """Read the places one after the other and give how many there are."""
    place = 0
    for _ in pages:
        sheet = await asker.fetch(start, end, offset=place)
        if sheet.before != end:
            raise PagingError("the server gave a stretch at once before that it now refuses")
        if sheet.is_empty:
            return place
        calls = {call.id: call for call in sheet.calls}
        found.update(calls)  # first, so that they stay in the server's order
        found.update(dict.fromkeys(sheet.keys - calls.keys()))
        place += sheet.received
        if place > 8 * max(sheet.received, asker.largest_page, len(found)):
            raise PagingError(
                f"more calls share the second {start} than fit on a page, and the server gives "
                "the same ones at any offset; a larger page_size may hold them"
            )
    raise PagingError(f"the calls of {start} are not to be told in {_MOST_PAGES} pages")
