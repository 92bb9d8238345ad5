"""How long an answer may take: to come, to go on coming, and to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define, field

from ..config import Timeouts
from ..errors import RoistatError
from . import failures
from .bound import Bound
from .guard import Held

_LEAST_SPEED = 1024
"""Bytes a second below which a file is given up (fault matrix T22)."""

Sent = Callable[[], None]


@define
class Patience:
    """Bound the reading of a body: its silences, and either its end or its speed.

    Only time spent waiting for bytes counts, so a slow disk is no slow server.
    """

    idle: float
    until: float | None
    deadline: float
    _waited: float = field(default=0.0, init=False)
    _size: int = field(default=0, init=False)

    def limit(self, now: float) -> float:
        """Give the seconds that the next bytes may take."""
        return self.idle if self.until is None else max(0.0, min(self.idle, self.until - now))

    def came(self, size: int, waited: float) -> None:
        """Take note of bytes; raise RequestTimeoutError if they are too few for their time."""
        self._size += size
        self._waited += waited
        if self.until is not None or self._waited < self.idle:
            return
        size, seconds = self._size, self._waited
        self._size, self._waited = 0, 0.0
        if size < seconds * _LEAST_SPEED:
            raise failures.too_slow(size, seconds)

    def ran_out(self, now: float) -> RoistatError:
        """Name what was waited for too long."""
        if self.until is not None and now >= self.until:
            return failures.deadline_passed(self.deadline)
        return failures.silence(self.idle)


class Watch:
    """Bound the way to an answer: connecting, then from the headers' leaving to its coming."""

    bound: Bound
    held: Held | None = None

    def __init__(
        self, timeouts: Timeouts, within: float | None, deadline: float, sent: Sent
    ) -> None:
        self._timeouts = timeouts
        self._deadline = deadline
        self._sent = sent
        self._is_sent = False
        self.is_kept: bool = False
        self._now = asyncio.get_running_loop().time
        self._until = None if within is None else self._now() + within
        limit = timeouts.connect
        self.connect: float = limit if within is None else max(0.001, min(limit, within))

    def start(self, tells_when_sent: bool) -> Bound:
        """Give the bound of the waiting; it has no moment until it is told that headers left."""
        self.bound = Bound()
        if not tells_when_sent:
            self.bound.until(self._at_most(self._timeouts.connect + self._timeouts.answer))
        return self.bound

    def headers_left(self, is_kept: bool) -> None:
        """Count the answer's time from here; `is_kept` tells a connection that was used before."""
        self._is_sent = True
        self.is_kept = is_kept
        self._sent()
        self.bound.until(self._at_most(self._timeouts.answer))

    def ran_out(self, tells_when_sent: bool) -> RoistatError:
        """Name what was waited for too long."""
        if tells_when_sent and not self._is_sent:
            return failures.no_connection(self.connect)
        if self._until is not None and self._now() >= self._until:
            return failures.deadline_passed(self._deadline)
        return failures.no_answer(self._timeouts.answer)

    def patience(self) -> Patience:
        """Give the bounds of the body that follows."""
        return Patience(self._timeouts.idle, self._until, self._deadline)

    def _at_most(self, seconds: float) -> float:
        moment = self._now() + seconds
        return moment if self._until is None else min(moment, self._until)
