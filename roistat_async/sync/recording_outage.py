"""Outages during a run of `sync_recordings`: which failures are one, and the wait for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ..errors import RateLimitError, RoistatError, ServerError, TransportError
from .patience import Patience

T = TypeVar("T")
R = TypeVar("R")

UNAVAILABLE = (TransportError, ServerError, RateLimitError)
"""Errors that may concern the service, and not only one recording."""
_FAILURES = 20  # in a row; fewer may be broken recordings


class Outage(Generic[T, R]):
    """Failures in a row, and the wait for the service once they are too many.

    `try_item` downloads the recording of an item. What failed in a row has no result yet: it is
    tried again if the failures were an outage, and failed if another item succeeds.
    """

    def __init__(self, patience: Patience, try_item: Callable[[T], Awaitable[R]]) -> None:
        self._patience = patience
        self._try_item = try_item
        self._in_a_row: list[tuple[T, RoistatError]] = []
        self._interrupted: list[tuple[T, RoistatError]] = []
        self._failed: list[tuple[T, RoistatError]] = []
        self._is_on = False
        self._probe = asyncio.Lock()

    async def run(self, item: T) -> R | None:
        """Return the result of an item; None if a failure may be part of an outage."""
        try:
            return await self._try(item)
        except UNAVAILABLE as error:
            is_limit = isinstance(error, RateLimitError)
            if not is_limit and not self._is_on and len(self._in_a_row) + 1 < _FAILURES:
                self._in_a_row.append((item, error))
                return None
            return await self._wait(item, error)

    def take_failed(self) -> list[tuple[T, RoistatError]]:
        """Return the items that failed while others succeeded, and forget them."""
        failed, self._failed = self._failed, []
        return failed

    def take_interrupted(self) -> list[T]:
        """Return the items that an outage interrupted, and forget them."""
        interrupted, self._interrupted = self._interrupted, []
        return [item for item, _ in interrupted]

    def end(self) -> None:
        """Count all items without a result as failed: none is tried again."""
        self._failed += [*self._in_a_row, *self._interrupted]
        self._in_a_row, self._interrupted = [], []

    async def _wait(self, item: T, error: RoistatError) -> R | None:
        """Try an item until the service responds; the other items wait meanwhile."""
        self._is_on = True
        async with self._probe:
            while self._is_on:
                await self._patience.wait(error)
                try:
                    return await self._try(item)
                except UNAVAILABLE as again:
                    error = again
        return await self.run(item)

    async def _try(self, item: T) -> R:
        """Try an item; a success says nothing about failures after the attempt began."""
        was_on, earlier = self._is_on, [*self._in_a_row]
        result = await self._try_item(item)
        if self._is_on and was_on:
            self._patience.reset()
            self._interrupted += self._in_a_row
            self._in_a_row, self._is_on = [], False
        elif not self._is_on:
            self._failed += [failure for failure in self._in_a_row if failure in earlier]
            self._in_a_row = [failure for failure in self._in_a_row if failure not in earlier]
        return result
