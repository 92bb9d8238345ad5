"""How many recordings to ask for at once: more while that is faster, fewer after trouble."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import NotSentError, RateLimitError, RequestTimeoutError

FIRST = 4
_FASTER = 1.05
_TROUBLE = (NotSentError, RateLimitError, RequestTimeoutError)


class Pace:
    """Say how many `places` there are, from 1 to `most`.

    They are doubled, later raised by one, as long as files then come faster. Trouble halves them,
    once for those under way together; without it they come back one by one.
    """

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self.places: int = min(FIRST, most)
        self._most = most
        self._now = now
        self._proved = self.places
        self._speed = 0.0
        self._is_new = True
        self._is_halved = False
        self._start()

    def saved(self, size: int) -> None:
        """Take note of a file of so many bytes."""
        self._files += 1
        self._size += size
        if self._files >= self.places:
            self._judge(self._size / max(self._now() - self._since, 1e-9))
            self._start()

    def failed(self, error: BaseException) -> None:
        """Take note of an error, also of one that is followed by a repeat."""
        if isinstance(error, _TROUBLE) and not self._is_halved:
            self.places = max(1, self.places // 2)
            self._is_new, self._speed = False, 0.0
            self._start()
            self._is_halved = True

    def _start(self) -> None:
        self._since, self._files, self._size = self._now(), 0, 0
        self._is_halved = False

    def _judge(self, speed: float) -> None:
        is_faster, self._speed = speed > self._speed * _FASTER, speed
        if self.places < self._proved:
            self.places += 1
        elif is_faster:
            self.places = min(self._most, self.places * 2 if self._is_new else self.places + 1)
            self._proved = self.places
        else:
            self._is_new = False
