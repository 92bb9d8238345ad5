"""Two lists of calls as one, in the order of their dates or ids."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .. import BadRecord, Call, Pager
    from ..models.page import Page

_PAGE_SIZE = 500
SORT_KEYS: dict[str, Callable[[Any], Any]] = {
    "date": lambda call: call.date,
    "id": lambda call: int(call.id),
}


class MergedCalls:
    """Calls of several lists that have the same sort, each call once.

    Roistat can ask for the caller or the callee, but not for a period as well: its conditions
    cannot be nested (docs/filters.md).
    """

    def __init__(
        self, pagers: Sequence[Pager[Call]], sort: tuple[str, str], limit: int | None
    ) -> None:
        self._pagers = pagers
        self._key = SORT_KEYS[sort[0]]
        self._is_descending = sort[1].lower() == "desc"
        self._limit = limit
        self.bad_records: list[BadRecord] = []

    async def pages(self) -> AsyncGenerator[Page[Call], None]:
        """Iterate over the calls, in pages."""
        from ..models.page import Page

        calls: list[Call] = []
        offset = 0
        async with aclosing(self._calls()) as merged:
            async for call in merged:
                calls.append(call)
                if len(calls) == _PAGE_SIZE or offset + len(calls) == self._limit:
                    yield Page(calls, None, offset)
                    offset, calls = offset + len(calls), []
                    if offset == self._limit:
                        break
        if calls:
            yield Page(calls, None, offset)
        self.bad_records = [bad for pager in self._pagers for bad in pager.bad_records]

    async def _calls(self) -> AsyncGenerator[Call, None]:
        known_ids: set[str] = set()
        async with AsyncExitStack() as stack:
            lists = [
                await stack.enter_async_context(aclosing(_flat(pager))) for pager in self._pagers
            ]
            heads = [head for rows in lists if (head := await _next(rows))]
            while heads:
                choose = max if self._is_descending else min
                head = choose(heads, key=lambda pair: self._key(pair[0]))
                call, rows = head
                heads.remove(head)
                if (following := await _next(rows)) is not None:
                    heads.append(following)
                if call.id not in known_ids:
                    known_ids.add(call.id)
                    yield call


async def _flat(pager: Pager[Call]) -> AsyncGenerator[Call, None]:
    async with aclosing(pager.pages()) as pages:
        async for page in pages:
            for call in page.items:
                yield call


async def _next(rows: AsyncIterator[Call]) -> tuple[Call, AsyncIterator[Call]] | None:
    async for call in rows:
        return call, rows
    return None
