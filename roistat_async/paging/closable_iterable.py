"""Async iterable whose unfinished iterations a context manager closes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class ClosableIterable:
    """Base of lists that can be iterated and left early: `async with ... as walk`.

    Leaving the block closes the iterations that were not finished, and cancels their requests.
    Without the block the event loop closes them some time after the last reference is gone.
    """

    def __init__(self) -> None:
        self._iterations: WeakSet[AsyncGenerator[Any, None]] = WeakSet()
        self._owned: list[AsyncGenerator[Any, None]] | None = None

    async def __aenter__(self) -> Self:
        # Strong references: the loop would close a collected iteration only after the block.
        self._owned = [*self._iterations]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        owned, self._owned = self._owned or [], None
        for iteration in owned:
            await iteration.aclose()

    @property
    def _open_count(self) -> int:
        """Number of iterations that began and have not ended; without a reference they have."""
        return sum(_is_open(iteration) for iteration in self._iterations)

    def _opened(self, iteration: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        self._iterations.add(iteration)
        if self._owned is not None:
            self._owned.append(iteration)
        return iteration


def _is_open(iteration: AsyncGenerator[Any, None]) -> bool:
    # inspect.getasyncgenstate() exists from Python 3.12 on.
    frame = getattr(iteration, "ag_frame", None)
    return frame is not None and frame.f_lineno != frame.f_code.co_firstlineno
