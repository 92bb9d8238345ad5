"""Options of a sync of calls, which `sync_calls` and `plan` check and pass on as one object."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from ..errors import ConfigurationError
from ..models.period import Period, check_aware, to_utc
from ..validation import OnBadRecord
from ..wire.list_query import CallExtension

_MAX_LOOKBACK = timedelta(days=3653)  # ten years


@frozen(kw_only=True)
class CallsOptions:
    """Options of `sync_calls`, which explains them; an invalid one raises ConfigurationError."""

    since: datetime | None = None
    until: datetime | None = None
    extend: tuple[CallExtension, ...] = ("visit", "order")
    lookback: timedelta = timedelta(hours=24)
    reread: Period | None = None
    page_size: int = 1000
    concurrency: int = 4
    on_bad_record: OnBadRecord = "skip"
    retry_for: timedelta = timedelta(minutes=15)

    def __attrs_post_init__(self) -> None:
        check_retry_for(self.retry_for)
        _check_lookback(self.lookback)
        for name in ("since", "until"):
            _check_date(getattr(self, name), name)
        if self.until is not None:
            if self.reread is not None:
                raise ConfigurationError("give either until or reread, which has an end of its own")
            if self.since is not None and self.until <= self.since:
                raise ConfigurationError("until must be after since")


def check_retry_for(retry_for: object) -> None:
    """Raise ConfigurationError unless a run can wait for so long."""
    if not isinstance(retry_for, timedelta) or retry_for < timedelta(0):
        raise ConfigurationError("retry_for must be a timedelta of 0 or more")


def _check_lookback(lookback: object) -> None:
    if not isinstance(lookback, timedelta) or not timedelta(0) <= lookback <= _MAX_LOOKBACK:
        raise ConfigurationError(
            "lookback must be a timedelta of 0 to 3653 days; a longer period is read by reread"
        )


def _check_date(value: Any, name: str) -> None:
    if value is not None:
        check_aware(value, name)
        to_utc(value, name)
