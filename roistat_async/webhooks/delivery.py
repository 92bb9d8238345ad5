"""Memory of the events that were delivered, because Roistat posts some of them twice."""

from __future__ import annotations

from typing import Protocol

from ..validation import require_int


class DeliveryStore(Protocol):
    """Store of delivered events by key, such as `end:2002`; a table with one column will do."""

    async def contains(self, key: str) -> bool:
        """Return whether `add` was called with this key."""
        ...

    async def add(self, key: str) -> None:
        """Add a key, after the event was handled; a key that is there is no error."""
        ...


class RecentDeliveries:
    """Delivery store in memory: the last `size` events of this process."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = require_int(size, "size")
        self._keys: dict[str, None] = {}  # in order of arrival

    async def contains(self, key: str) -> bool:
        """Return whether the event is among the last ones."""
        return key in self._keys

    async def add(self, key: str) -> None:
        """Add an event, and forget the oldest one if there are too many."""
        self._keys[key] = None
        while len(self._keys) > self._size:
            del self._keys[next(iter(self._keys))]
