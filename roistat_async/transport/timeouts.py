"""How long an answer may take: to come, to go on coming, and to end."""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import define, field

from ..config import Timeouts
from ..errors import RoistatError
from . import error_mapping
from .bound import Alarm, Bound

_LEAST_SPEED = 1024
"""Bytes a second below which a file is given up (fault matrix T22)."""

OnSent = Callable[[], None]


@define
class BodyTimeout:
    """Bound the reading of a body: its silences, and either its end or its speed.

    Only time spent waiting for bytes counts, so a slow disk is no slow server.
    """

    alarm: Alarm
    idle: float
    until: float
    deadline: float
    _asked: float = field(default=0.0, init=False)
    _waited: float = field(default=0.0, init=False)
    _size: int = field(default=0, init=False)

    def bound(self) -> Bound:
        """Give the bound of waiting for the next bytes, from now on."""
        self._asked = self.alarm.now()
        bound = self.alarm.bound()
        bound.until(min(self.until, self._asked + self.idle))
        return bound

    def record(self, size: int) -> None:
        """Take note of bytes; raise RequestTimeoutError if they are too few for their time."""
        self._size += size
        self._waited += self.alarm.now() - self._asked
        if self.until < math.inf or self._waited < self.idle:
            return
        size, seconds = self._size, self._waited
        self._size, self._waited = 0, 0.0
        if size < seconds * _LEAST_SPEED:
            raise error_mapping.too_slow(size, seconds)

    def timeout_error(self) -> RoistatError:
        """Name what was waited for too long."""
        if self.alarm.now() >= self.until:
            return error_mapping.deadline_passed(self.deadline)
        return error_mapping.read_timeout(self.idle)


class RequestTimeout:
    """Bound the way to an answer: connecting, then from the headers' leaving to its coming."""

    bound: Bound
    new_connection: bool = False
    """Whether the request got a connection that was made for it."""
    _is_sent: bool = False

    def __init__(
        self,
        alarm: Alarm,
        timeouts: Timeouts,
        within: float | None,
        deadline: float,
        sent: OnSent,
    ) -> None:
        self._alarm = alarm
        self._timeouts = timeouts
        self._deadline = deadline
        self._sent = sent
        self._until = math.inf if within is None else alarm.now() + within
        limit = timeouts.connect
        self.connect: float = limit if within is None else max(0.001, min(limit, within))

    def start(self, tells_when_sent: bool) -> Bound:
        """Give the bound of the waiting; it has no moment until it is told that headers left."""
        self.bound = self._alarm.bound()
        if not tells_when_sent:
            longest = self._timeouts.connect + self._timeouts.response
            self.bound.until(min(self._alarm.now() + longest, self._until))
        return self.bound

    def request_sent(self) -> None:
        """Count the answer's time from here."""
        self._is_sent = True
        self._sent()
        self.bound.until(min(self._alarm.now() + self._timeouts.response, self._until))

    @property
    def reused_connection(self) -> bool:
        """Tell whether the request left on a connection that was used before."""
        return self._is_sent and not self.new_connection

    def ran_out(self, tells_when_sent: bool) -> RoistatError:
        """Name what was waited for too long."""
        if tells_when_sent and not self._is_sent:
            return error_mapping.connect_timeout(self.connect)
        if self._alarm.now() >= self._until:
            return error_mapping.deadline_passed(self._deadline)
        return error_mapping.response_timeout(self._timeouts.response)

    def patience(self) -> BodyTimeout:
        """Give the bounds of the body that follows."""
        return BodyTimeout(self._alarm, self._timeouts.read, self._until, self._deadline)
