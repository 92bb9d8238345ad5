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
    def _is_open(self) -> bool:
        """Whether an iteration is not finished; one that nobody refers to any more is."""
        frames = (getattr(iteration, "ag_frame", None) for iteration in self._iterations)
        return any(frame is not None for frame in frames)

    def _opened(self, iteration: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        self._iterations.add(iteration)
        if self._owned is not None:
            self._owned.append(iteration)
        return iteration
