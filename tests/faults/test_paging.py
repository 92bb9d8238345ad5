"""Row P9: a page of a list that fails on every attempt. The other rows P are in tests/paging."""

from __future__ import annotations

from collections.abc import AsyncIterable

import pytest

from roistat_async import Call, Period, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import retrying_client

pytestmark = pytest.mark.usefixtures("nothing_left")


async def test_p9_a_walk_resumes_after_a_page_that_keeps_failing(fake: FakeRoistat) -> None:
    """The error tells how to resume, and a resumed walk returns all the other calls."""
    last_good, period = [3], Period.last(days=4000)
    fake.fail("call/list", Fault.reset(), 1000, when=lambda _: len(fake.requests) > last_good[0])
    ids: list[str] = []

    async def collect(walk: AsyncIterable[Call]) -> None:
        async for call in walk:
            ids.append(call.id)

    async with retrying_client(fake) as roistat:
        walk = roistat.calls.history(period, page_size=3, concurrency=1)
        with pytest.raises(errors.TransportError) as caught:
            await collect(walk)
        last_good[0] = 10**6
        await collect(roistat.calls.history(period, resume_from=walk.resume_token))
    assert "resume_from" in caught.value.__notes__[0]
    assert not walk.report.is_complete
    assert sorted(ids) == sorted(row["id"] for row in fake.state.calls)


async def test_p9_no_part_of_a_list_is_collected(fake: FakeRoistat) -> None:
    """`collect` raises the error of a page that fails."""
    fake.fail("call/list", Fault.reset(), times=4, when=lambda _: len(fake.requests) > 3)
    async with retrying_client(fake) as roistat:
        with pytest.raises(errors.TransportError):
            await roistat.calls.list(page_size=3, prefetch=0).collect()
