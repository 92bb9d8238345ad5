"""Range of a recording that a caller wants, and whether a response is that range."""

from __future__ import annotations

from attrs import frozen

from ..errors import ConfigurationError, RangeNotSatisfiableError
from ..wire.request import ByteRange
from . import range_response
from .range_response import BodyRange, ResponseHead


@frozen(kw_only=True)
class RequestedRange:
    """Offsets as in a slice: `start` may be negative, `end` is not included.

    With `if_range` they apply only to a file that has this ETag.
    """

    start: int | None = None
    end: int | None = None
    if_range: str | None = None

    def __attrs_post_init__(self) -> None:
        for value in (self.start, self.end):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise ConfigurationError("start and end must be whole numbers of bytes, or None")
        if self.end is not None and not 0 <= (self.start or 0) < self.end:
            raise ConfigurationError(
                "end must be greater than start, and must be left out if start is negative"
            )

    @property
    def is_range(self) -> bool:
        """Return whether a range is requested, be it one with all bytes."""
        return self.start is not None or self.end is not None

    @property
    def has_all_bytes(self) -> bool:
        """Return whether all bytes are requested."""
        return not self.start and self.end is None

    @property
    def byte_range(self) -> ByteRange:
        """Return the range to request."""
        return ByteRange(self.start or 0, self.if_range, self.end)

    def applies_to(self, etag: str | None) -> bool:
        """Return whether the range is requested of a file with this ETag."""
        return self.is_range and self.if_range in (None, etag)

    def offsets(self, total: int) -> range:
        """Return the requested offsets; raise RangeNotSatisfiableError if the file has none."""
        offsets = range(total)[self.start : self.end]
        if not offsets:
            raise RangeNotSatisfiableError(
                f"the recording has only {total} bytes: none of the requested range", total=total
            )
        return offsets


def proved_range(response: ResponseHead, requested: RequestedRange) -> BodyRange | None:
    """Return the range of a response with status 206 if it is the requested one.

    Raises RangeNotSatisfiableError for a 416 that states a size without any requested byte. None
    stands for any other 206 or 416: the caller must request the whole file.
    """
    if requested.if_range and response.header("ETag") not in (None, requested.if_range):
        return None  # the server ignored If-Range
    if response.status == range_response.NOT_SATISFIABLE:
        total = range_response.unsatisfied_total(response)
        if total and not range(total)[requested.start : requested.end]:
            requested.offsets(total)
        return None
    stated = range_response.stated_range(response)
    if stated is None:
        return None
    offsets, total = stated
    is_requested = offsets == range(total)[requested.start : requested.end]
    if not offsets or not is_requested or response.length not in (None, len(offsets)):
        return None
    return BodyRange(offsets.start, total, range_response.strong_etag(response.header("ETag")))
