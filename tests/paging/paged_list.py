"""Paged lists: one with every habit that a server may have, one whose pages wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field

from roistat_async.errors import TransportError
from roistat_async.models.page import RowBatch
from roistat_async.paging.pager import Pager


def page_of(ids: list[int], total: int | None) -> RowBatch[int]:
    """Return a page of ids, which are their own keys."""
    return RowBatch(ids, [*ids], total)


@define
class PagedList:
    """Paged list of `ids` that records each request as (limit, offset)."""

    ids: list[int]
    max_limit: int | None = None
    total: str = "matches"
    short: int = 0
    overlap: int = 0
    ignores_offset: bool = False
    change: Callable[[list[int]], None] = lambda _: None
    on_request: Callable[[int], object] = lambda _: None
    seed: int = 0
    requests: list[tuple[int, int]] = field(factory=list)
    decoded: int = 0

    def pager(self, **options: Any) -> Pager[int]:
        return Pager(self.fetch, self._decode, **options)

    async def fetch(self, limit: int, offset: int) -> RowBatch[int]:
        self.requests.append((limit, offset))
        await asyncio.sleep(0)
        self.on_request(offset)
        self.change(self.ids)
        return self._page(limit, offset)

    def _decode(self, page: RowBatch[int]) -> RowBatch[int]:
        self.decoded += 1
        return page

    def _page(self, limit: int, offset: int) -> RowBatch[int]:
        first = 0 if self.ignores_offset else max(0, offset - self.overlap)
        size = limit if self.max_limit is None else min(limit, self.max_limit)
        page = self.ids[first : first + size]
        if self.short and len(page) > 1:
            # The same page is always cut in the same way, like a filter applied after paging.
            length = Random(f"{self.seed} {offset}").randint(1, min(self.short, len(page)))
            page = page[:length]
        totals = {
            "matches": len(self.ids), "page": len(page), "absent": None, "zero": 0,
            "too large": 3 * len(self.ids) + 7, "too small": len(self.ids) // 3,
        }  # fmt: skip
        return page_of(page, totals[self.total])


class GatedPages:
    """200 rows in pages of ten that wait until they are released, with the order of events."""

    def __init__(self, *released: int, lost: int | None = None, cleanup: int = 0) -> None:
        self.events: list[str] = []
        self.in_flight = 0
        self._lost = lost
        self._cleanup = cleanup
        self._gates: dict[int, asyncio.Event] = {}
        for offset in released:
            self.release(offset)

    def release(self, offset: int) -> None:
        self._gate(offset).set()

    def pager(self, **options: Any) -> Pager[int]:
        return Pager(self.fetch, self._decode, **{"page_size": 10, "prefetch": 3, **options})

    async def fetch(self, limit: int, offset: int) -> RowBatch[int]:
        self.events.append(f"request {offset}")
        self.in_flight += 1
        try:
            if offset == self._lost:
                raise TransportError("lost")
            await self._gate(offset).wait()
        except asyncio.CancelledError:
            for _ in range(self._cleanup):
                await asyncio.sleep(0)
            raise
        finally:
            self.in_flight -= 1
        return page_of(list(range(offset, min(offset + limit, 200))), 200)

    def _gate(self, offset: int) -> asyncio.Event:
        return self._gates.setdefault(offset, asyncio.Event())

    def _decode(self, page: RowBatch[int]) -> RowBatch[int]:
        self.events.append(f"decode {page.items[0] if page.items else 'nothing'}")
        return page
