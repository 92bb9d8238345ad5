"""A value that its field cannot hold is a warning, also where no report counts it."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async import Period
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, sends
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
