"""Calls: what the page's own contradictions and odd arguments come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from roistat_async import CallDraft
from roistat_async.errors import ConfigurationError

from ..helpers.mocked import mocked

DRAFT = CallDraft("74950000001", "79000000002", datetime(2026, 5, 1, tzinfo=UTC))
RECORD = {"id": "5", "date": "2026-05-01T00:00:00+0000", "status": "ANSWER"}


@pytest.mark.parametrize(
    "answer",
    [{"phoneCall": RECORD}, {"data": RECORD}, {"phoneCall": None, "data": RECORD}],
    ids=["the page's example", "the page's table", "both"],
)
async def test_a_recorded_call_is_read_wherever_it_stands(answer: dict[str, object]) -> None:
    """The example of the page answers under phoneCall, its table says data."""
    async with mocked(json.dumps({**answer, "status": "success"}).encode()) as client:
        assert (await client.roistat.calls.create(DRAFT)).id == "5"


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), True, "20"])
async def test_a_duration_is_checked_before_anything_is_sent(seconds: Any) -> None:
    """A duration that is no number of seconds makes no request."""
    async with mocked(b"{}") as client:
        with pytest.raises(ConfigurationError):
            await client.roistat.calls.create(evolve(DRAFT, duration=seconds))
        assert not client.sent
