"""Paged list with every habit that a server may have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from random import Random
from typing import Any

from attrs import define, field, frozen

from roistat_async.models.page import RowBatch
from roistat_async.paging.pager import Pager


@frozen
class PageResponse:
    """Response of the list: ids and the reported total."""

    ids: list[int]
    total: int | None


@define
class PagedList:
    """Paged list of `ids` that records each request as (limit, offset)."""

    ids: list[int]
    most: int | None = None
    total: str = "matches"
    short: int = 0
    overlap: int = 0
    ignores_offset: bool = False
    change: Callable[[list[int]], None] | None = None
    seed: int = 0
    asked: list[tuple[int, int]] = field(factory=list)
    read: list[list[int]] = field(factory=list)

    def pager(self, **options: Any) -> Pager[int]:
        return Pager(self.fetch, self.decode, **options)

    async def fetch(self, limit: int, offset: int) -> PageResponse:
        self.asked.append((limit, offset))
        await asyncio.sleep(0)
        if self.change is not None:
            self.change(self.ids)
        return PageResponse(*self._answer(limit, offset))

    def decode(self, answer: PageResponse) -> RowBatch[int]:
        self.read.append(answer.ids)
        keys: list[Hashable] = list(answer.ids)
        return RowBatch(answer.ids, keys, answer.total)

    def _answer(self, limit: int, offset: int) -> tuple[list[int], int | None]:
        place = 0 if self.ignores_offset else max(0, offset - self.overlap)
        size = limit if self.most is None else min(limit, self.most)
        page = self.ids[place : place + size]
        if self.short and len(page) > 1:
            # The same place is always cut in the same way, like a filter applied after paging.
            kept = Random(f"{self.seed} {offset}").randint(1, min(self.short, len(page)))
            page = page[:kept]
        totals = {
            "matches": len(self.ids),
            "page": len(page),
            "absent": None,
            "zero": 0,
            "too large": 3 * len(self.ids) + 7,
            "too small": len(self.ids) // 3,
        }
        return page, totals[self.total]
