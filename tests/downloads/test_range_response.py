"""Tests for the headers of a response with status 206 or 416, without a server."""

from __future__ import annotations

import pytest
from attrs import frozen

from roistat_async.downloads import range_response
from roistat_async.downloads.range_response import BodyRange, ResumePoint
from roistat_async.errors import ChangedError

KNOWN_TOTAL = ResumePoint('"one"', 100, 500)
UNKNOWN_TOTAL = ResumePoint('"one"', 100)
COMPLETE = BodyRange(100, 100, '"one"', is_complete=True)


@frozen
class Headers:
    """Status and headers of a response without a body."""

    status: int
    headers: dict[str, str]
    length: int | None

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower().replace("-", "_"))


def partial(content_range: str | None, length: int | None = None, **headers: str) -> Headers:
    given = {} if content_range is None else {"content_range": content_range}
    return Headers(206, headers | given, length)


def unsatisfied(content_range: str, **headers: str) -> Headers:
    return Headers(416, {"content_range": content_range, **headers}, None)


@pytest.mark.parametrize(
    ("response", "resume_point", "expected"),
    [
        (partial("bytes 100-499/500", etag='"one"'), KNOWN_TOTAL, BodyRange(100, 500, '"one"')),
        (partial("bytes 100-499/500", 400), UNKNOWN_TOTAL, BodyRange(100, 500, '"one"')),
        (partial("bytes 100-100/500", 1), UNKNOWN_TOTAL, BodyRange(100, 500, '"one"')),
        (partial("bytes 100-100/101", 1), UNKNOWN_TOTAL, BodyRange(100, 101, '"one"')),
        (partial("BYTES 100-100/999", 1), UNKNOWN_TOTAL, BodyRange(100, 999, '"one"')),
        (unsatisfied("bytes */100", etag='"one"'), ResumePoint('"one"', 100, 100), COMPLETE),
        (unsatisfied("bytes */100", etag='"one"'), UNKNOWN_TOTAL, COMPLETE),
    ],
)
def test_matching_range_is_accepted(
    response: Headers, resume_point: ResumePoint, expected: BodyRange
) -> None:
    """A range that begins at the resume point, or the same size with a 416, has its position."""
    assert range_response.partial_range(response, resume_point) == expected


REFUSED = {
    "the file changed on the server during the download": [
        partial("bytes 100-499/500", etag='"two"'),
        unsatisfied("bytes */500", etag='W/"one"'),
        partial("bytes 100-499/500", etag='W/"one"'),
    ],
    "the partial response does not state a single byte range": [
        *map(partial, [None, "bytes a-b/c", "items 100-499/500", "bytes 100-499/*"]),
        partial("bytes 100-499/500", content_type="multipart/byteranges; boundary=x"),
        partial("bytes 100-499/500", content_encoding="gzip"),
    ],
    "the partial response holds another range than the requested one": [
        *(partial("bytes 99-499/500"), partial("bytes 0-499/500")),
        *(partial("bytes 100-500/500", 401), partial("bytes 100-99/500", 0)),
        partial("bytes 100-499/501", 400),
    ],
    "the partial response has a length that contradicts its range": [
        partial("bytes 100-499/500", 399)
    ],
    "the server reports a size that contradicts the bytes received so far": [
        *map(unsatisfied, ["bytes */*", "bytes */99", "bytes */100", "bytes 100-499/500"])
    ],
}


@pytest.mark.parametrize(
    ("message", "response"),
    [(message, response) for message, responses in REFUSED.items() for response in responses],
)
def test_other_responses_are_refused(message: str, response: Headers) -> None:
    """ChangedError states whether the file, the range or the proof is wrong."""
    with pytest.raises(ChangedError) as caught:
        range_response.partial_range(response, KNOWN_TOTAL)
    assert str(caught.value) == message
