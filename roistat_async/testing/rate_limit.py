"""Requests per second and per hour, counted as a sliding window."""

from __future__ import annotations

from collections import deque

from attrs import define, field

from .quirks import Quirks


@define
class RateWindow:
    """The recent requests of one project; refused ones are not counted."""

    times: deque[float] = field(factory=deque)

    def admits(self, now: float, quirks: Quirks) -> bool:
        """Count this request and say whether it may pass."""
        while self.times and now - self.times[0] >= 3600:
            self.times.popleft()
        if not self._room(now, quirks):
            return False
        self.times.append(now)
        return True

    def _room(self, now: float, quirks: Quirks) -> bool:
        hourly, burst = quirks.rate_per_hour, quirks.rate_per_second
        if hourly is not None and len(self.times) >= hourly:
            return False
        if burst is None or len(self.times) < burst:
            return True
        return burst > 0 and now - self.times[-burst] >= 1
