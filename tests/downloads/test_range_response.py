"""Tests for the headers of a response with status 206 or 416, without a server."""

from __future__ import annotations

import pytest
from attrs import frozen

from roistat_async.downloads import range_response
from roistat_async.downloads.range_response import BodyRange, ResumePoint
from roistat_async.errors import ChangedError

KNOWN_TOTAL = ResumePoint('"one"', 100, 500)
UNKNOWN_TOTAL = ResumePoint('"one"', 100)


@frozen
class Headers:
    """Status and headers of a response without a body."""

    status: int
    headers: dict[str, str]
    length: int | None = None

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())


def partial(content_range: str | None, length: int | None = None, **headers: str) -> Headers:
    given = {} if content_range is None else {"content-range": content_range}
    return Headers(206, headers | given, length)


def unsatisfied(content_range: str, **headers: str) -> Headers:
    return Headers(416, {"content-range": content_range, **headers})


@pytest.mark.parametrize("length", [None, 400])
@pytest.mark.parametrize("resume_point", [KNOWN_TOTAL, UNKNOWN_TOTAL])
def test_matching_range_is_accepted(resume_point: ResumePoint, length: int | None) -> None:
    """A range that begins at the resume point gives the position and the size of the file."""
    response = partial("bytes 100-499/500", length, etag='"one"')
    assert range_response.partial_range(response, resume_point) == BodyRange(100, 500, '"one"')


@pytest.mark.parametrize("text", ["bytes 100-100/500", "bytes 100-100/101", "BYTES 100-100/999"])
def test_range_of_one_byte_is_accepted(text: str) -> None:
    """A range may hold a single byte, the last one or not."""
    assert range_response.partial_range(partial(text, 1), UNKNOWN_TOTAL).start == 100


@pytest.mark.parametrize("resume_point", [ResumePoint('"one"', 100, 100), UNKNOWN_TOTAL])
def test_416_for_a_complete_file(resume_point: ResumePoint) -> None:
    """Status 416 with the same size and ETag means that the file is complete."""
    response = unsatisfied("bytes */100", etag='"one"')
    body_range = range_response.partial_range(response, resume_point)
    assert body_range == BodyRange(100, 100, '"one"', is_complete=True)


MULTIPART = {"content-type": "multipart/byteranges; boundary=x"}
GZIP = {"content-encoding": "gzip"}
CHANGED = "the file changed on the server during the download"
NO_RANGE = "the partial response does not state a single byte range"
OTHER_RANGE = "the partial response holds another range than the requested one"
LENGTH = "the partial response has a length that contradicts its range"
SIZE = "the server reports a size that contradicts the bytes received so far"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (partial("bytes 100-499/500", etag='"two"'), CHANGED),
        (unsatisfied("bytes */500", etag='W/"one"'), CHANGED),
        (partial("bytes 100-499/500", etag='W/"one"'), CHANGED),
        (partial(None), NO_RANGE),
        (partial("bytes a-b/c"), NO_RANGE),
        (partial("items 100-499/500"), NO_RANGE),
        (partial("bytes 100-499/500", None, **MULTIPART), NO_RANGE),
        (partial("bytes 100-499/500", None, **GZIP), NO_RANGE),
        (partial("bytes 100-499/*"), NO_RANGE),
        (partial("bytes 99-499/500"), OTHER_RANGE),
        (partial("bytes 0-499/500"), OTHER_RANGE),
        (partial("bytes 100-500/500", 401), OTHER_RANGE),
        (partial("bytes 100-99/500", 0), OTHER_RANGE),
        (partial("bytes 100-499/501", 400), OTHER_RANGE),
        (partial("bytes 100-499/500", 399), LENGTH),
        (unsatisfied("bytes */*"), SIZE),
        (unsatisfied("bytes */99"), SIZE),
        (unsatisfied("bytes */100"), SIZE),
        (unsatisfied("bytes 100-499/500"), SIZE),
    ],
)
def test_other_responses_are_refused(response: Headers, message: str) -> None:
    """ChangedError states whether the file, the range or the proof is wrong."""
    with pytest.raises(ChangedError) as caught:
        range_response.partial_range(response, KNOWN_TOTAL)
    assert str(caught.value) == message
