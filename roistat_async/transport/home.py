"""The event loop that connections belong to: a client is used in one at a time."""

from __future__ import annotations

import asyncio

from . import error_mapping


class LoopBinding:
    """Remember the loop, and whether it was left for good."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def bind(self, *, reopen: bool = False) -> bool:
        """Belong to the running loop; True where an earlier one ended without a word.

        Raises RoistatError for what was closed, or belongs to a loop that still runs.
        """
        self._is_closed = self._is_closed and not reopen
        if self._is_closed:
            raise error_mapping.client_closed()
        running, before = asyncio.get_running_loop(), self._loop
        if before is None or before is running:
            self._loop = running
            return False
        if not before.is_closed():
            raise error_mapping.wrong_event_loop()
        self._loop = running
        return True

    def unbind(self) -> bool:
        """Belong to no loop any more; True where an earlier one ended without a word."""
        is_lost = self._loop is not None and self.bind()
        self._loop, self._is_closed = None, True
        return is_lost
