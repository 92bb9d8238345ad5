"""How long a sync waits for a server, a network or a limit before it gives up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from attrs import define, field, frozen

from ..api.retry_rules import may_pass
from ..clock import Clock
from ..errors import RateLimitError, RoistatError

_FIRST_DELAY = 5.0
_MAX_DELAY = 300.0
_HOUR = 3600.0  # the limit of an hour is free again by then


@frozen(kw_only=True)
class SyncWait:
    """Pause of a sync after an error that may pass.

    Attributes:
        project: number of the project.
        error: why the sync waits.
        seconds: how long it waits.
    """

    project: int
    error: RoistatError
    seconds: float


OnWait = Callable[[SyncWait], object]


@define
class Patience:
    """Waits of one run. Each request that succeeds starts the time of `retry_for` anew."""

    _clock: Clock
    _retry_for: timedelta
    _project: int
    _on_wait: OnWait | None
    _failing_since: float | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)

    def reset(self) -> None:
        """Start anew after a success."""
        self._failing_since = None
        self._failures = 0

    async def wait(self, error: RoistatError) -> None:
        """Wait before the next attempt; raise the error if it is final or the time is used up."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        delay = self._delay(error)
        remaining = self._failing_since + self._retry_for.total_seconds() - now
        if isinstance(error, RateLimitError) and self._retry_for:
            # The limit is shared, and waiting for it is sure to help.
            remaining = max(remaining, _HOUR)
        if not may_pass(error) or delay > remaining:
            raise error
        self._failures += 1
        if self._on_wait is not None:
            self._on_wait(SyncWait(project=self._project, error=error, seconds=delay))
        await self._clock.sleep(delay)

    def _delay(self, error: RoistatError) -> float:
        """Return a delay that doubles with each failure, half of it random."""
        bound = min(_MAX_DELAY, _FIRST_DELAY * 2.0 ** min(self._failures, 16))
        delay = bound * (1 + self._clock.random()) / 2
        retry_after: float | None = getattr(error, "retry_after", None)
        return delay if retry_after is None else max(delay, retry_after)
