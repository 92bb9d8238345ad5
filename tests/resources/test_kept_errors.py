"""An error that a program keeps does not keep the response that it is about."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from roistat_async import Roistat, errors
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.helpers.odd_values import odd_calls


@pytest.mark.slow
async def test_j31_a_kept_error_does_not_hold_its_page(fake: FakeRoistat) -> None:
    """The frames of its traceback have let go of the pages, but not of their ids."""
    fake.state.calls.replace(odd_calls())
    fake.state.edit_call("1100", id="")
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        await _fail(roistat)
        tracemalloc.start()
        try:
            kept = [await _fail(roistat) for _ in range(2)]
            gc.collect()
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size < len(kept) * 500_000  # with their pages it was ten times that


async def _fail(roistat: Roistat) -> errors.MalformedResponseError:
    with pytest.raises(errors.MalformedResponseError) as caught:
        await roistat.calls.list(extend=("visit", "order"), sort=("date", "asc")).collect()
    return caught.value
