"""Bound on the bytes a second of the files that a client loads."""

from __future__ import annotations

from attrs import frozen

from ..clock import Clock
from ..config import Limits
from .interface import Response


class BandwidthLimiter:
    """Limiter of the bytes that all files of a client receive in a second.

    Each chunk takes its time behind the chunks before it, of whatever file. So files at the same
    time share the rate, and a time without downloads is not made up for.
    """

    def __init__(self, bytes_per_second: float, clock: Clock) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._busy_until = 0.0

    @classmethod
    def of(cls, limits: Limits, clock: Clock) -> BandwidthLimiter | None:
        """Return the limiter of some settings; None if they limit nothing."""
        rate = limits.bytes_per_second
        return None if rate is None else cls(rate, clock)

    async def wait(self, size: int) -> None:
        """Wait until so many bytes more may have been received."""
        now = self._clock.monotonic()
        self._busy_until = max(self._busy_until, now) + size / self._rate
        await self._clock.sleep(self._busy_until - now)


@frozen(eq=False)
class LimitedResponse:
    """Response whose body is read no faster than a limiter allows."""

    _response: Response
    _limiter: BandwidthLimiter

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    @property
    def length(self) -> int | None:
        """Size of the body, if the headers state it."""
        return self._response.length

    @property
    def bytes_received(self) -> int:
        """Number of bytes returned so far."""
        return self._response.bytes_received

    def header(self, name: str) -> str | None:
        """Return the value of a header."""
        return self._response.header(name)

    async def read_chunk(self) -> bytes:
        """Return the next bytes once they have taken their time."""
        chunk = await self._response.read_chunk()
        await self._limiter.wait(len(chunk))
        return chunk

    def close(self) -> None:
        """Close the response."""
        self._response.close()
