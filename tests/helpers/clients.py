"""Clients for tests against real servers: no limits, no delays, one attempt by default."""

from __future__ import annotations

from typing import Any

from roistat_async import Limits, RetryPolicy, Roistat, Timeouts
from roistat_async.testing import FakeRoistat
from tests.helpers.clock import JumpingClock

KEY = "5ecre7ab5ecre7ab5ecre7ab5ecre7ab"
PROJECT = 12345
PATIENT = Timeouts(connect=10, response=10, read=10)
QUICK = Timeouts(connect=0.3, response=0.3, read=0.3)
UNLIMITED = Limits(per_second=None, per_hour=None)


def client(base_url: str, *, attempts: int = 1, **options: Any) -> Roistat:
    """Return a client whose waits between attempts take no time."""
    arguments: dict[str, Any] = {
        "limits": UNLIMITED, "timeouts": PATIENT,
        "retry": RetryPolicy(max_attempts=attempts, max_download_attempts=attempts),
        "clock": JumpingClock().clock, **options,
    }  # fmt: skip
    return Roistat(arguments.pop("api_key", KEY), PROJECT, base_url=base_url, **arguments)


def retrying_client(
    fake: FakeRoistat, *, attempts: int = 4, retry_updates: bool = False, **options: Any
) -> Roistat:
    """Return a client of a fake server that retries at once, with the clock of the system."""
    retry = RetryPolicy(
        max_attempts=attempts, base_delay=0.001, throttled_base_delay=0.001,
        retry_updates=retry_updates,
    )  # fmt: skip
    options = {"api_key": fake.api_key, "clock": None, "retry": retry, **options}
    return client(fake.base_url, **options)
