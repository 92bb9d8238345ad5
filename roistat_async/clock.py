"""Time, sleep and random numbers, so that tests can replace them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from attrs import frozen


def _utc_now() -> datetime:
    return datetime.now(UTC)


@frozen
class Clock:
    """Source of time, delays and random numbers; each function can be replaced.

    `random` returns a number from 0 to 1, `utc_now` an aware datetime.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    utc_now: Callable[[], datetime] = _utc_now
