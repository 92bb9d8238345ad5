"""The response to `calls.create`, which Roistat documents in two ways."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from roistat_async import CallDraft

from ..helpers.mocked import mocked

DRAFT = CallDraft("74950000001", "79000000002", datetime(2026, 5, 1, tzinfo=UTC))
RECORD = {"id": "5", "date": "2026-05-01T00:00:00+0000", "status": "ANSWER"}


@pytest.mark.parametrize(
    "response",
    [{"phoneCall": RECORD}, {"data": RECORD}, {"phoneCall": None, "data": RECORD}],
    ids=["phoneCall", "data", "both"],
)
async def test_a_created_call_is_read_from_both_keys(response: dict[str, object]) -> None:
    """The created call is under `phoneCall` in Roistat's example, under `data` in its table."""
    async with mocked(json.dumps({**response, "status": "success"}).encode()) as client:
        assert (await client.roistat.calls.create(DRAFT)).id == "5"
