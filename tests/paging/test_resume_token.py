"""The resume token: stored, parsed and refused where it does not belong."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async.errors import ConfigurationError
from roistat_async.paging import resume_token
from roistat_async.paging.resume_token import ResumeToken
from tests.paging.changing_list import ChangingList, at, ids_of

DATE = "2026-05-01T00:00:05Z"
DATES = [f'"{DATE[:-1]}"', '"yesterday"', "null", '"0001-01-01T00:00:00+14:00"']


@pytest.fixture
def calls() -> ChangingList:
    """Return sixty calls, three in each second; the last fifteen are not sealed."""
    return ChangingList(calls={str(number): number // 3 for number in range(60)}, span=20, now=15)


async def leave_after(calls: ChangingList, count: int, token: str | None = None) -> tuple[str, str]:
    """Read some calls and leave; return the last id and the resume token."""
    walk = calls.walk(page_size=7, concurrency=2, resume_from=token)
    last = ""
    async with aclosing(aiter(walk)) as iteration:
        for _ in range(count):
            last = (await anext(iteration)).id
    return last, walk.resume_token


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6), st.sets(st.text(), max_size=4))
def test_round_trip(second: int, sealed: int | None, ids: set[str]) -> None:
    """A written token is parsed unchanged."""
    token = ResumeToken(at(second), None if sealed is None else at(sealed), frozenset(ids))
    assert resume_token.parse(str(token)) == token


def test_it_is_plain_text() -> None:
    """A token is JSON with three keys, and its dates are UTC."""
    moscow = at(5).astimezone(timezone(timedelta(hours=3)))
    assert json.loads(str(ResumeToken(moscow, at(3), ["17"]))) == {
        "next": DATE,
        "sealed": "2026-05-01T00:00:03Z",
        "given": ["17"],
    }


@pytest.mark.parametrize(
    "text",
    [
        *["", "{}", "[]", "null", "17", DATE, "[" * 100_000, 5, b"{}", f'{{"next": "{DATE}"}}'],
        *[f'{{"next": {date}, "sealed": null, "given": []}}' for date in DATES],
        f'{{"next": "{DATE}", "sealed": 5, "given": []}}',
        f'{{"next": "{DATE}", "sealed": null, "given": "17"}}',
        f'{{"next": "{DATE}", "sealed": null, "given": [17]}}',
        f'{{"next": "{DATE}", "sealed": null, "given": [], "more": 1}}',
        f'{{"next": "{DATE}", "sealed": null, "giv',
    ],
)
async def test_garbage_is_refused(calls: ChangingList, text: object) -> None:
    """Anything but a token is a ConfigurationError, and nothing is requested."""
    with pytest.raises(ConfigurationError, match="unchanged text"):
        calls.walk(page_size=7, resume_from=text)
    assert calls.requests == 0


@pytest.mark.parametrize("second", [-1, 21])
def test_another_period_is_refused(calls: ChangingList, second: int) -> None:
    """A token outside the period is refused."""
    with pytest.raises(ConfigurationError, match="another period"):
        calls.walk(page_size=7, resume_from=str(ResumeToken(at(second))))


async def test_tokens_of_both_ends(calls: ChangingList) -> None:
    """A new walk has the token of the start; the token of the end costs no request."""
    resumed = calls.walk(page_size=7, resume_from=calls.walk(page_size=7).resume_token)
    assert len(await ids_of(resumed)) == 60
    requests = calls.requests
    resumed = calls.walk(page_size=7, resume_from=resumed.resume_token)
    assert (await ids_of(resumed), calls.requests) == ([], requests)
    assert resumed.report.is_complete


@pytest.mark.parametrize("count", range(1, 8))
async def test_in_the_middle_of_a_second(calls: ChangingList, count: int) -> None:
    """A token inside a second returns its remaining calls, and one that was added late."""
    last, token = await leave_after(calls, count)
    calls.calls["900"] = (count - 1) // 3
    remaining = [str(number) for number in range(int(last) + 1, 60)]
    is_end_of_page = count == 6  # then its second was returned whole, and is not read again
    ids = await ids_of(calls.walk(page_size=7, resume_from=token))
    assert sorted(ids, key=int) == remaining + ["900"] * (not is_end_of_page)


async def test_again_and_again(calls: ChangingList) -> None:
    """Sixty walks of one call each, resumed one after the other, return each call once."""
    token: str | None = None
    for number in range(60):
        last, token = await leave_after(calls, 1, token)
        assert last == str(number)


async def test_the_seal_stays_that_of_the_first_walk(calls: ChangingList) -> None:
    """A resumed walk keeps the seal of the first one."""
    _, token = await leave_after(calls, 5)
    calls.now = 10**5
    resumed = calls.walk(page_size=7, resume_from=token)
    assert (len(await ids_of(resumed)), resumed.report.sealed_until) == (55, at(15))
    assert resumed.report.unsealed_rows == 15
