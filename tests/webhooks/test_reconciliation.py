"""Calls whose events never came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roistat_async import Call, CallStatus, errors
from roistat_async.webhooks import reconcile

DATE = datetime(2026, 5, 1, tzinfo=UTC)
CALLS = [Call(id=call_id, date=DATE, status=CallStatus.ANSWER) for call_id in ("1", "2", "3")]
ACTIVE = Call(id="4", date=DATE, status=CallStatus.ACTIVE)


def test_calls_without_events() -> None:
    """Each call without its event is named."""
    result = reconcile(CALLS, started=["1", "2"], ended=["2"])
    assert [call.id for call in result.without_start] == ["3"]
    assert [call.id for call in result.without_end] == ["1", "3"]


def test_a_call_in_progress_needs_no_end() -> None:
    """A call that has not ended lacks its start only."""
    result = reconcile([ACTIVE], started=[], ended=[])
    assert (result.without_start, result.without_end) == ([ACTIVE], [])


def test_a_webhook_that_is_not_set() -> None:
    """What nobody waits for is not missing."""
    result = reconcile(CALLS, ended=["1", "2", "3"])
    assert (result.without_start, result.without_end, result.unlisted) == ([], [], [])


def test_events_of_calls_that_are_not_listed() -> None:
    """Ids of events without a call are named, in order."""
    assert reconcile(CALLS, started=["9", "1"], ended=["8"]).unlisted == ["8", "9"]


def test_one_id_is_no_list() -> None:
    """A text is refused, because it would be an id for each digit."""
    with pytest.raises(errors.ConfigurationError, match="ended must be a list"):
        reconcile(CALLS, ended="123")
