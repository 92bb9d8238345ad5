"""Call list that changes while it is read, with every habit that a server may have."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from attrs import define, field

from roistat_async import Call, CallStatus, Period
from roistat_async.errors import RoistatError
from roistat_async.models.page import RowBatch
from roistat_async.paging.history import History
from roistat_async.paging.page_fetcher import PageQuery, Reduction

EPOCH = datetime(2026, 5, 1, tzinfo=UTC)
MOST_REQUESTS = 20_000


def at(second: int) -> datetime:
    """Return the date that a number of seconds stands for."""
    return EPOCH + timedelta(seconds=second)


class EndlessError(Exception):
    """A walk does not end."""


@define(kw_only=True)
class ChangingList:
    """Server of pages of calls, given as id -> second, that may change before each response.

    `stayed` are the calls that were there from the beginning and still are: a walk must give each
    of them once.
    """

    calls: dict[str, int]
    span: int
    seed: int = 0
    churn: float = 0.0
    clamp: int | None = None
    short: bool = False
    shuffled: bool = False
    ignores_offset: bool = False
    ignores_sort: bool = False
    ignores_filter: bool = False
    descending: bool = False
    after_inclusive: bool = False
    before_inclusive: bool = False
    total: str = "matches"
    now: int = 10**6
    requests: int = 0
    stayed: set[str] = field(init=False)
    ever: set[str] = field(init=False)
    _random: Random = field(init=False)
    _next_id: int = 10**6

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)
        self.stayed = set(self.calls)
        self.ever = set(self.calls)

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """Return the page of a query."""
        ids, total = await self.page(ask.after, ask.before, ask.limit, ask.offset)
        calls = [Call(one, at(self.calls[one]), CallStatus.ANSWER) for one in ids]
        return RowBatch(calls, list(ids), total, answered_at=at(self.now))

    async def page(
        self, after: datetime, before: datetime, limit: int, offset: int
    ) -> tuple[list[str], int | None]:
        """Return a page at one instant, after the next change."""
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise EndlessError
        await asyncio.sleep(0)
        self._change()
        matching = self._ordered([one for one in self.calls if self._matches(one, after, before)])
        size = limit if self.clamp is None else min(limit, self.clamp)
        place = 0 if self.ignores_offset else offset
        page = matching[place : place + size]
        if self.short and page:
            page = page[: self._random.randint(1, len(page))]
        return page, self._total(matching, page)

    def walk(self, *, page_size: int, concurrency: int = 1, **options: object) -> History:
        """Return a walk over all of the list."""
        given: dict[str, object] = {
            "settle": timedelta(0),
            "wants_less": no_reduction,
            "now": lambda: at(self.now),
            **options,
        }
        period = Period(at(0), at(self.span))
        return History(
            self.fetch,
            period,
            page_size=page_size,
            concurrency=concurrency,
            **given,  # type: ignore[arg-type]
        )

    def _matches(self, one: str, after: datetime, before: datetime) -> bool:
        if self.ignores_filter:
            return True
        date = at(self.calls[one])
        is_after = date >= after if self.after_inclusive else date > after
        return is_after and (date <= before if self.before_inclusive else date < before)

    def _ordered(self, ids: Iterable[str]) -> list[str]:
        mixed = sorted(ids, key=int)
        if self.shuffled:
            self._random.shuffle(mixed)
        is_reversed = self.descending or self.ignores_sort
        return sorted(mixed, key=self.calls.__getitem__, reverse=is_reversed)

    def _total(self, matching: list[str], page: list[str]) -> int | None:
        return {
            "matches": len(matching),
            "page": len(page),
            "absent": None,
            "zero": 0,
            "everything": len(self.calls) + 1000,
        }[self.total]

    def _change(self) -> None:
        """Sometimes add a call at any date, and delete one."""
        if self._random.random() < self.churn:
            self._next_id += 1
            one = str(self._next_id)
            self.calls[one] = self._random.choice(
                [
                    self._random.randrange(self.span),
                    *self._random.choices([*self.calls.values()] or [0]),
                ]
            )
            self.ever.add(one)
        if self.calls and self._random.random() < self.churn:
            gone = self._random.choice([*self.calls])
            del self.calls[gone]
            self.stayed.discard(gone)


def no_reduction(error: RoistatError) -> Reduction | None:
    """Return no hint: every error is raised."""
    del error
    return None
