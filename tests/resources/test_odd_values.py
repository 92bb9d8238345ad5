"""Values that their fields cannot hold: the warning, and errors that a program keeps."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, sends
from tests.helpers.odd_values import odd_calls
from tests.helpers.raw_server import success

PERIOD = Period.last(days=1)
COSTS = {"callCost": {"values": [{"value": "secret"}]}}


@pytest.mark.parametrize(
    ("data", "read", "field"),
    [
        ([{"id": 1, "name": ["secret"]}], lambda r: r.scripts.list(), "name"),
        (COSTS, lambda r: r.analytics.get(PERIOD), "callCost.values.value"),
    ],
    ids=["scripts", "analytics"],
)
async def test_odd_values_are_logged(
    data: Any, read: Any, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names the field, and not the value."""
    async with FaultServer(sends(success(data=data))) as server, client(server.base_url) as roistat:
        await read(roistat)
    (text,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"the field {field} has" in text
    assert "secret" not in text


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
