"""Places that are taken in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress


class FifoSemaphore:
    """Let so many through at a time, in the order they came.

    Unlike asyncio's it belongs to no event loop: a client may be used in a second asyncio.run.
    """

    def __init__(self, places: int) -> None:
        self.available: int = places
        """The places that may be taken at once; nobody waits where there are any."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Enter, once it is free; whoever entered must leave."""
        if self.available > 0:
            self.available -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()  # it was handed over in the same moment
            with suppress(ValueError):
                self._waiting.remove(place)
            raise

    def release(self) -> None:
        """Let the next one in."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.available += 1
