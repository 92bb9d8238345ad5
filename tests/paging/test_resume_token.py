"""The resume token: stored, parsed and refused where it does not belong."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.errors import ConfigurationError
from roistat_async.paging import resume_token
from roistat_async.paging.resume_token import ResumeToken
from tests.paging.changing_list import ChangingList, at


def world() -> ChangingList:
    """Return sixty calls, three in each second."""
    return ChangingList(calls={str(number): number // 3 for number in range(60)}, span=20, now=15)


async def some(
    walk_of: ChangingList, count: int, resume_from: str | None = None
) -> tuple[str, str]:
    """Read some calls and leave; return the last id and the resume token."""
    walk = walk_of.walk(page_size=7, concurrency=2, resume_from=resume_from)
    last = ""
    async with aclosing(aiter(walk)) as calls:
        for _ in range(count):
            last = (await anext(calls)).id
    return last, walk.resume_token


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6), st.sets(st.text(), max_size=4))
def test_round_trip(second: int, sealed: int | None, ids: set[str]) -> None:
    """A written token is parsed unchanged."""
    place = ResumeToken(at(second), None if sealed is None else at(sealed), frozenset(ids))
    assert resume_token.parse(str(place)) == place


def test_it_is_plain_text() -> None:
    """A token is short printable text."""
    text = str(ResumeToken(at(5), at(3), ["17"]))
    assert json.loads(text) == {
        "next": "2026-05-01T00:00:05Z",
        "sealed": "2026-05-01T00:00:03Z",
        "given": ["17"],
    }


def test_dates_are_utc() -> None:
    """A token in another time zone is the same position."""
    moscow = at(5).astimezone(timezone(timedelta(hours=3)))
    assert str(ResumeToken(moscow)) == str(ResumeToken(at(5)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "17",
        "2026-05-01T00:00:05Z",
        '{"next": "2026-05-01T00:00:05Z"}',
        '{"next": "2026-05-01T00:00:05", "sealed": null, "given": []}',
        '{"next": "yesterday", "sealed": null, "given": []}',
        '{"next": null, "sealed": null, "given": []}',
        '{"next": "2026-05-01T00:00:05Z", "sealed": 5, "given": []}',
        '{"next": "2026-05-01T00:00:05Z", "sealed": null, "given": "17"}',
        '{"next": "2026-05-01T00:00:05Z", "sealed": null, "given": [17]}',
        '{"next": "2026-05-01T00:00:05Z", "sealed": null, "given": [], "more": 1}',
        '{"next": "2026-05-01T00:00:05Z", "sealed": null, "giv',
        '{"next": "0001-01-01T00:00:00+14:00", "sealed": null, "given": []}',
        "[" * 100_000,
        5,
        b"{}",
    ],
)
async def test_garbage_is_refused(text: object) -> None:
    """Anything but a token is a ConfigurationError, and nothing is requested."""
    walked = world()
    with pytest.raises(ConfigurationError, match="unchanged text"):
        walked.walk(page_size=7, resume_from=text)
    assert walked.requests == 0


@pytest.mark.parametrize("second", [-1, 21])
def test_another_period_is_refused(second: int) -> None:
    """A token outside the period is refused."""
    with pytest.raises(ConfigurationError, match="another period"):
        world().walk(page_size=7, resume_from=str(ResumeToken(at(second))))


async def test_before_anything_was_given() -> None:
    """Before the first call the token is the start of the period."""
    walked = world()
    walk = walked.walk(page_size=7)
    on = walked.walk(page_size=7, resume_from=walk.resume_token)
    assert len([call async for call in on]) == 60


async def test_after_the_end() -> None:
    """A token of the end returns no call and sends no request."""
    walked = world()
    walk = walked.walk(page_size=7)
    assert len([call async for call in walk]) == 60
    asked = walked.requests
    on = walked.walk(page_size=7, resume_from=walk.resume_token)
    assert [call async for call in on] == []
    assert walked.requests == asked
    assert on.report.is_complete


@pytest.mark.parametrize("count", range(1, 8))
async def test_in_the_middle_of_a_second(count: int) -> None:
    """A token inside a second returns its remaining calls, and one that was added late."""
    walked = world()
    last, place = await some(walked, count)
    walked.calls["900"] = (count - 1) // 3
    on = walked.walk(page_size=7, resume_from=place)
    ids = [call.id async for call in on]
    rest = [str(number) for number in range(int(last) + 1, 60)]
    is_end_of_page = count == 6  # then its second was given whole, and is not read again
    assert sorted(ids, key=int) == rest + ["900"] * (not is_end_of_page)


async def test_again_and_again() -> None:
    """Sixty walks of one call each, resumed one after the other, return each call once."""
    walked = world()
    place: str | None = None
    for number in range(60):
        last, place = await some(walked, 1, place)
        assert last == str(number)


async def test_the_seal_stays_that_of_the_first_walk() -> None:
    """A resumed walk keeps the seal of the first one."""
    walked = world()
    _, place = await some(walked, 5)
    walked.now = 10**5
    on = walked.walk(page_size=7, resume_from=place)
    assert len([call async for call in on]) == 55
    assert on.report.sealed_until == at(15)
    assert on.report.unsealed_rows == 15
