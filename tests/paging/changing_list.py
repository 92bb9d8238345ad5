"""Call list that changes while it is read, with every habit that a server may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from datetime import UTC, datetime, timedelta
from math import inf, nextafter
from random import Random
from typing import Any

import pytest
from attrs import define, field

from roistat_async import Call, CallStatus, Period
from roistat_async.errors import PagingError
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.checked_page import PageQuery
from roistat_async.paging.history import History

EPOCH = datetime(2026, 5, 1, tzinfo=UTC)


def at(second: int) -> datetime:
    """Return the date that a number of seconds stands for."""
    return EPOCH + timedelta(seconds=second)


class EndlessError(Exception):
    """A walk does not end."""


@define(kw_only=True)
class ChangingList:
    """Server of pages of calls, given as id -> second, that may change before each response.

    A walk must return once each call of `stayed`: those in every response. A row of `repeated`
    stands twice, the field of a `bad` one ("id" or "date") cannot be read, and dates are shown
    `shift` seconds too late. `on_query` may raise or change the calls, `distort` the response.
    """

    calls: dict[str, int]
    span: int
    seed: int = 0
    churn: float = 0.0
    clamp: int | None = None
    short: bool = False
    shuffled: bool = False
    ignores_offset: bool = False
    ignores_filter: bool = False
    descending: bool = False
    after_inclusive: bool = False
    before_inclusive: bool = False
    repeated: frozenset[str] = frozenset()
    bad: dict[str, str] = field(factory=dict)
    shift: int = 0
    total: str = "matches"
    now: int = 10**6
    delay: int = 1
    gate: asyncio.Semaphore | None = None
    on_query: Callable[[PageQuery], object] = lambda _: None
    distort: Callable[[PageQuery, RowBatch[Call]], RowBatch[Call]] = lambda _, rows: rows
    max_requests: int = 20_000
    requests: int = 0
    in_flight: int = 0
    peak: int = 0
    stayed: set[str] = field(init=False)
    ever: set[str] = field(init=False)
    _random: Random = field(init=False)
    _next_id: int = 10**6

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)
        self.stayed = set(self.calls) - set(self.bad)
        self.ever = set(self.calls)

    async def fetch(self, query: PageQuery) -> RowBatch[Call]:
        """Return the page of a query at one instant, after the next change."""
        self.requests += 1
        if self.requests > self.max_requests:
            raise EndlessError
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            for _ in range(self.delay):
                await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.acquire()
        finally:
            self.in_flight -= 1
        self.on_query(query)
        self._change()
        return self.distort(query, self._page(query))

    def fail(self, error: Exception, when: Callable[[PageQuery], bool]) -> ChangingList:
        """Raise an error for each query that fulfils a condition."""

        def on_query(query: PageQuery) -> None:
            if when(query):
                raise error

        self.on_query = on_query
        return self

    def walk(self, *, page_size: int = 10, concurrency: int = 1, **options: Any) -> History:
        """Return a walk over the whole list, or over `period`."""
        arguments: dict[str, Any] = {
            "period": Period(at(0), at(self.span)), "settle": timedelta(0),
            "reduction_hint": lambda _: None, "now": lambda: at(self.now), **options,
        }  # fmt: skip
        return History(self.fetch, page_size=page_size, concurrency=concurrency, **arguments)

    def _page(self, query: PageQuery) -> RowBatch[Call]:
        keys = self._ordered(self._matching(query))
        matching = [key for key in keys for _ in range(1 + (key in self.repeated))]
        size = query.limit if self.clamp is None else min(query.limit, self.clamp)
        offset = 0 if self.ignores_offset else query.offset
        ids = matching[offset : offset + size]
        if self.short and ids:
            ids = ids[: self._random.randint(1, len(ids))]
        totals = {
            "matches": len(matching), "page": len(ids), "absent": None, "zero": 0,
            "everything": len(self.calls) + 1000,
        }  # fmt: skip
        rows: RowBatch[Call] = RowBatch([], [], totals[self.total], answered_at=at(self.now))
        for index, key in enumerate(ids):
            date = at(self.calls[key] + self.shift)
            if key in self.bad:
                known = date if self.bad[key] == "id" else None
                rows.bad.append(BadRecord(index, f".{self.bad[key]}", "unreadable", date=known))
                rows.bad_keys.append(f"bad {key}")
            else:
                rows.items.append(Call(key, date, CallStatus.ANSWER))
                rows.keys.append(key)
        return rows

    def _matching(self, query: PageQuery) -> list[str]:
        if self.ignores_filter:
            return [*self.calls]
        # Numbers take far less time to compare than dates.
        after, before = ((date - EPOCH).total_seconds() for date in (query.after, query.before))
        after = nextafter(after, -inf) if self.after_inclusive else after
        before = nextafter(before, inf) if self.before_inclusive else before
        return [key for key, second in self.calls.items() if after < second < before]

    def _ordered(self, ids: list[str]) -> list[str]:
        ids = self._random.sample(ids, len(ids)) if self.shuffled else sorted(ids, key=int)
        return sorted(ids, key=self.calls.__getitem__, reverse=self.descending)

    def _change(self) -> None:
        """Sometimes add a call at any date, and delete one."""
        if self._random.random() < self.churn:
            self._next_id += 1
            new = str(self._next_id)
            tied = self._random.choice([*self.calls.values()] or [0])
            self.calls[new] = self._random.choice([self._random.randrange(self.span), tied])
            self.ever.add(new)
        if self.calls and self._random.random() < self.churn:
            deleted = self._random.choice([*self.calls])
            del self.calls[deleted]
            self.stayed.discard(deleted)


def spread(count: int, gap: int = 10, **habits: Any) -> ChangingList:
    """Return a list of calls at equal distances."""
    calls = {str(number): gap * number for number in range(count)}
    return ChangingList(calls=calls, span=gap * count + 1, **habits)


def tied(count: int, *, before: int = 0, after: int = 0, **habits: Any) -> ChangingList:
    """Return a list with many calls in one second, and single ones around it."""
    seconds = [*range(before), *[before] * count, *range(before + 1, before + 1 + after)]
    calls = {str(number): second for number, second in enumerate(seconds)}
    return ChangingList(calls=calls, span=before + after + 2, **habits)


async def ids_of(calls: AsyncIterable[Call]) -> list[str]:
    """Return the ids of a whole walk."""
    return [call.id async for call in calls]


async def append_ids(ids: list[str], calls: AsyncIterable[Call]) -> None:
    """Append each id as it is returned."""
    async for call in calls:
        ids.append(call.id)


async def expect_refused(walk: History, match: str) -> tuple[PagingError, list[str]]:
    """Walk until PagingError; return it and the ids before it."""
    ids: list[str] = []
    with pytest.raises(PagingError, match=match) as caught:
        await append_ids(ids, walk)
    return caught.value, ids


async def settle() -> None:
    """Wait until no task can proceed."""
    for _ in range(30):
        await asyncio.sleep(0)
