"""Check of what a response with a recording says of itself."""

from __future__ import annotations

from attrs import frozen

from .check import Check, unknown

RECORDINGS = "recordings"


@frozen
class RecordingHead:
    """What is known of a recording before its bytes are read."""

    has_length: bool
    has_etag: bool
    is_range: bool | None
    """Whether a requested range came, and not the whole file; None if none was requested."""


def check_recording(head: RecordingHead | None) -> Check:
    """Check length, ETag and byte ranges of a recording; None if none was found."""
    if head is None:
        return unknown(RECORDINGS, "none of the newest answered calls has one")
    features = {"length": head.has_length, "ETag": head.has_etag, "byte ranges": head.is_range}
    present = [name for name, is_present in features.items() if is_present]
    absent = [name for name, is_present in features.items() if is_present is False]
    detail = f"with {_and(present)}" if present else ""
    if absent:
        detail += f"{', ' if detail else ''}without {_and(absent)}"
    if head.is_range and head.has_etag and head.has_length:
        return Check(RECORDINGS, "ok", detail, "an interrupted download is resumed")
    handling = "an interrupted download starts again"
    if head.is_range is False:
        handling += "; a player that seeks makes the library load and drop what lies before"
    return Check(RECORDINGS, "warn", detail, handling)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
