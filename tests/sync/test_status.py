"""The status of a copy in a database."""

from __future__ import annotations

from datetime import timedelta

from roistat_async.models.calls import CallStatus
from roistat_async.sync.sql_target import SqlTarget
from roistat_async.sync.status import DayStatus, read_status

from .calls_db import EMPTY, NOON, call
from .databases import Database

STATUSES = [*CallStatus, CallStatus("NEW"), None, None, None]


async def test_missed_calls_of_a_day(database: Database, target: SqlTarget) -> None:
    """A day counts a call as answered or missed as the call itself does, one without status too."""
    calls = [call(number, status=status) for number, status in enumerate(STATUSES)]
    await target.write(1, calls, EMPTY)
    status = read_status(database.location, days=1, now=lambda: NOON + timedelta(hours=1))
    answered, missed = (
        sum(each.is_answered for each in calls),
        sum(each.is_missed for each in calls),
    )
    assert status.projects[0].days == [DayStatus(NOON.date(), len(calls), answered, missed)]
    assert (answered, missed) == (1, 8)
