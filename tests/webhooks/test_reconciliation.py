"""Calls whose events never came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async import Call, CallStatus, errors
from roistat_async.webhooks import reconcile

DATE = datetime(2026, 5, 1, tzinfo=UTC)
CALLS = [Call(id=call_id, date=DATE, status=CallStatus.ANSWER) for call_id in ("1", "2", "3")]
ACTIVE = Call(id="4", date=DATE, status=CallStatus.ACTIVE)


@pytest.mark.parametrize(
    ("calls", "started", "ended", "missing"),
    [
        (CALLS, ["1", "2"], ["2"], (["3"], ["1", "3"], [])),
        ([ACTIVE], [], [], (["4"], [], [])),
        (CALLS, None, ["1", "2", "3"], ([], [], [])),
        (CALLS[:1], ["9", "1"], ["8", "1"], ([], [], ["8", "9"])),
    ],
    ids=["missing", "a call in progress needs no end", "a webhook that is not set", "no call"],
)
def test_events_that_never_came(calls: Any, started: Any, ended: Any, missing: Any) -> None:
    """Each call without its event is named, and in order the ids of events without a call."""
    result = reconcile(calls, started=started, ended=ended)
    without = [[call.id for call in calls] for calls in (result.without_start, result.without_end)]
    assert (*without, result.unlisted) == missing


def test_one_id_is_no_list() -> None:
    """A text is refused, because it would be an id for each digit."""
    with pytest.raises(errors.ConfigurationError, match="ended must be a list"):
        reconcile(CALLS, ended="123")
