"""Clocks of the fake server: the time of day, and the time that limits are counted by."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Function that returns seconds since 1970."""


def wall_clock() -> float:
    """Return the time of the system, or the one that freezegun or time-machine show."""
    return time.time()  # looked up at each call: tests replace it


def limit_time(clock: Clock, at: float, monotonic: Clock = time.monotonic) -> float:
    """Return the time that limits are counted by: `at` if a test has set a clock of its own.

    A second of the limits must pass while a test stops the time of day. The default argument is the
    real function, also while a test replaces `time.monotonic`.
    """
    return monotonic() if clock is wall_clock else at
