"""Time and chance, in one place, so that tests need neither wait nor luck."""

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
    """Tell the time, wait, and draw a number between 0 and 1; each can be replaced."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    utc_now: Callable[[], datetime] = _utc_now
