"""What the headers of an answer to the question for a rest say, without a server."""

from __future__ import annotations

import pytest
from attrs import define, field

from roistat_async.downloads import range_response
from roistat_async.downloads.range_response import BodyRange, ResumePoint
from roistat_async.errors import ChangedError

MARK = ResumePoint('"one"', 100, 500)
UNTOLD = ResumePoint('"one"', 100)
"""Nobody said how long the file is."""


@define
class Headers:
    """Be an answer of which nothing but its head came."""

    status: int = 206
    headers: dict[str, str] = field(factory=dict)
    length: int | None = None

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())


def part(said: str | None, length: int | None = None, **headers: str) -> Headers:
    """Give the head of a part; `said` is its Content-Range."""
    if said is not None:
        headers["content-range"] = said
    return Headers(206, headers, length)


def no_part(said: str, **headers: str) -> Headers:
    """Give the head of an answer that nothing is left."""
    return Headers(416, {"content-range": said, **headers})


@pytest.mark.parametrize("length", [None, 400])
@pytest.mark.parametrize("mark", [MARK, UNTOLD])
def test_a_rest_tells_its_place(mark: ResumePoint, length: int | None) -> None:
    """It begins where the other ended, and the file is as long as it says."""
    found = range_response.partial_range(part("bytes 100-499/500", length, etag='"one"'), mark)
    assert found == BodyRange(100, 500, '"one"')


@pytest.mark.parametrize("said", ["bytes 100-100/500", "bytes 100-100/101", "BYTES 100-100/999"])
def test_a_rest_may_be_one_byte(said: str) -> None:
    """The last of the file, or one of many."""
    assert range_response.partial_range(part(said, 1), UNTOLD).start == 100


@pytest.mark.parametrize("mark", [ResumePoint('"one"', 100, 100), UNTOLD])
def test_nothing_left_tells_all_of_the_file(mark: ResumePoint) -> None:
    """Its length and its version stay known."""
    found = range_response.partial_range(no_part("bytes */100", etag='"one"'), mark)
    assert found == BodyRange(100, 100, '"one"', is_complete=True)


CHANGED = "the file changed on the server while it was downloaded"
NOT_SAID = "a part of a file came that does not say which"
ANOTHER = "another part of a file came than the one asked for"
LENGTH = "a part of a file came whose length is not what it says"
ENDS = "the server says that the file ends before what came of it"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (part("bytes 100-499/500", etag='"two"'), CHANGED),
        (no_part("bytes */500", etag='W/"one"'), CHANGED),
        (part(None), NOT_SAID),
        (part("bytes 100-499/*"), NOT_SAID),
        (part("bytes 99-499/500"), ANOTHER),
        (part("bytes 100-500/500", 401), ANOTHER),
        (part("bytes 100-99/500", 0), ANOTHER),
        (part("bytes 100-499/501", 400), ANOTHER),
        (part("bytes 100-499/500", 399), LENGTH),
        (no_part("bytes */99"), ENDS),
        (no_part("bytes */100"), ENDS),
        (no_part("bytes 100-499/500"), ENDS),
    ],
)
def test_it_is_told_what_is_wrong_with_a_rest(answer: Headers, problem: str) -> None:
    """The file is another, the part is, or nothing proves which it is."""
    with pytest.raises(ChangedError) as caught:
        range_response.partial_range(answer, MARK)
    assert str(caught.value) == problem
