"""Places that are taken in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress


class Places:
    """Let so many through at a time, in the order they came.

    Unlike asyncio's it belongs to no event loop: a client may be used in a second asyncio.run.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_free(self) -> bool:
        """Tell whether one may enter at once: then nobody waits."""
        return self._places > 0

    def take(self) -> None:
        """Enter, where it is free."""
        self._places -= 1

    async def enter(self) -> None:
        """Enter, once it is free; whoever entered must leave."""
        if self.is_free:
            self.take()
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # it was handed over in the same moment
            with suppress(ValueError):
                self._waiting.remove(place)
            raise

    def leave(self) -> None:
        """Let the next one in."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._places += 1
