"""Requests of one project that several processes of a machine share.

Why no library: pyrate-limiter with its locked SQLite file, the only one found that limits
processes without a server, had 8 of 126 requests refused with connections of up to 0.3 s, let one
process send ten times as much as another, and blocked the event loop while it waited for the lock.

Each process also has its own rate limiter (`rate_limiter.py`). It orders the requests of its
process, so at most one of them waits for the shared budget.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count

from attrs import frozen

from ..clock import Clock
from ..errors import NotSentError
from ..hooks import WaitReason
from . import budget_file

_LOCK_RETRY = 0.005
"""Seconds until a lock is tried again; transactions take about a millisecond."""
_LOCK_TIMEOUT = 30.0
_PENDING_RETRY = 0.02
"""Seconds until the file is read again while requests decide that are not sent yet."""
_HEAD_START = 0.02
"""Seconds that each client that has waited longer has to use a free slot first, at most."""
_LEASE = 3.0
"""Seconds after which a reservation counts as sent, unless its process renews it."""
_RENEWAL = 1.0
_CLOCK_TOLERANCE = 1.0
_ROUNDING = 1e-6


@frozen
class Window:
    """Number of requests that a length of time may hold."""

    limit: float
    length: float


class SharedBudget:
    """Share of one client in the requests of its project, counted in a file."""

    def __init__(
        self,
        path: str,
        project: int | None,
        clock: Clock,
        *,
        second: Window,
        hour: Window,
        recovery: float,
        fallback: int,
    ) -> None:
        self._path, self._clock = path, clock
        self._project = "" if project is None else str(project)
        self._second, self._hour = second, hour
        self._recovery, self._fallback = recovery, fallback
        self._client = os.urandom(8).hex()
        self._numbers = count()
        self._reserved: deque[str] = deque()
        self._unwritten: list[Callable[[sqlite3.Connection], object]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def reserve(self) -> tuple[float, WaitReason | None]:
        """Reserve a request and return 0.0, or return the seconds to wait before another try.

        There is no reason if the limit of a second decides. Raises NotSentError if the file is
        unusable, or locked for too long.
        """
        gives_up_at = self._clock.monotonic() + _LOCK_TIMEOUT
        while True:
            try:
                return self._reserve()
            except budget_file.LockedError:
                if self._clock.monotonic() >= gives_up_at:
                    break
            await self._clock.sleep(_LOCK_RETRY * (0.5 + self._clock.random()))
        raise budget_file.unusable(
            self._path,
            f"has been locked for {_LOCK_TIMEOUT:.0f} s: end or resume the process that locks it",
        )

    def mark_sent(self) -> None:
        """Count a reserved request as sent now."""
        now, utc = self._now()
        sent = (self._project, now, utc)
        self._end_reservation()
        self._change(lambda db: db.execute("INSERT INTO sent VALUES (?, ?, ?)", sent))

    def cancel(self) -> None:
        """Return a reserved request that was not sent."""
        self._end_reservation()
        self._write()

    def slow_down(self, sent_at: float, pause: float) -> None:
        """Halve the rate of all clients, once for requests in flight together, and pause them."""
        now, _ = self._now()
        self._change(partial(self._halve, sent_at, now, now + pause))

    def count_hour(self) -> int:
        """Return the number of requests within the hour; 0 if the file cannot be read now."""
        now, _ = self._now()
        since = (self._project, now - self._hour.length)
        try:
            with budget_file.transaction(self._path) as db:
                query = "SELECT count(*) FROM sent WHERE project = ? AND at > ?"
                (number,) = db.execute(query, since).fetchone()
        except (budget_file.LockedError, NotSentError):
            return 0
        return int(number)

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.utc_now().timestamp()

    def _reserve(self) -> tuple[float, WaitReason | None]:
        now, utc = self._now()
        with budget_file.transaction(self._path) as db:
            self._correct_times(db, now, utc)
            self._write_changes(db)
            self._remove_expired(db, now)
            delay, reason = self._delay(db, now)
            if delay > 0.0:
                self._wait(db, now, delay)
            else:
                reservation = self._add_reservation(db, now, utc)
        self._unwritten.clear()
        if delay > 0.0:
            return delay, reason
        self._reserved.append(reservation)
        self._schedule(_RENEWAL)
        return 0.0, None

    def _add_reservation(self, db: sqlite3.Connection, now: float, utc: float) -> str:
        reservation = f"{self._client}-{next(self._numbers)}"
        row = (reservation, self._project, now, utc, now + _LEASE)
        db.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?)", row)
        client = (self._project, self._client)
        db.execute("DELETE FROM waiting WHERE project = ? AND client = ?", client)
        return reservation

    def _end_reservation(self) -> None:
        row = (self._reserved.popleft(),)
        self._unwritten.append(lambda db: db.execute("DELETE FROM pending WHERE id = ?", row))

    def _wait(self, db: sqlite3.Connection, now: float, delay: float) -> None:
        """Join the clients that wait; one that was killed leaves them when its time is over."""
        row = (self._project, self._client, now, now + delay + 1.0)
        db.execute(
            "INSERT INTO waiting VALUES (?, ?, ?, ?) "
            "ON CONFLICT (project, client) DO UPDATE SET expires = excluded.expires",
            row,
        )

    def _delay(self, db: sqlite3.Connection, now: float) -> tuple[float, WaitReason | None]:
        """Return the seconds until one more request may be reserved, and the reason."""
        limit, paused_until, _ = self._throttle(db, now)
        query = "SELECT count(*) FROM pending WHERE project = ?"
        (pending,) = db.execute(query, [self._project]).fetchone()
        since, rank = self._queue_position(db, now)

        def wait_for(window: Window) -> float:
            if window.limit == math.inf:
                return 0.0
            slots = int(window.limit) - pending
            if slots < 1:
                return _PENDING_RETRY
            # It is short enough to use the limit.
            head_start = min(_HEAD_START, window.length / window.limit / 5)
            return max(since, self._leaves_at(db, window, slots)) + rank * head_start - now

        second = wait_for(Window(limit, self._second.length))
        hour = wait_for(self._hour)
        delay = max(second, hour, paused_until - now)
        if delay <= _ROUNDING:
            return 0.0, None
        if delay == second:
            return delay, None
        return delay, "hour" if delay == hour else "refused"

    def _queue_position(self, db: sqlite3.Connection, now: float) -> tuple[float, int]:
        """Return since when this client waits, and how many have waited longer."""
        key = (self._project, self._client)
        query = "SELECT since FROM waiting WHERE project = ? AND client = ?"
        (since,) = db.execute(query, key).fetchone() or (now,)
        query = "SELECT count(*) FROM waiting WHERE project = ? AND (since, client) < (?, ?)"
        (rank,) = db.execute(query, (self._project, since, self._client)).fetchone()
        return since, rank

    def _leaves_at(self, db: sqlite3.Connection, window: Window, number: int) -> float:
        """Return when the request of this number, from the newest, leaves a window."""
        query = "SELECT at FROM sent WHERE project = ? ORDER BY at DESC LIMIT 1 OFFSET ?"
        row = db.execute(query, (self._project, number - 1)).fetchone()
        return -math.inf if row is None else float(row[0]) + window.length

    def _throttle(self, db: sqlite3.Connection, now: float) -> tuple[float, float, float]:
        """Return the limit of a second, the end of the pause, and the time of the last halving."""
        query = "SELECT at, per_second, paused_until FROM throttled WHERE project = ?"
        row = db.execute(query, [self._project]).fetchone()
        if row is None:
            return self._second.limit, -math.inf, -math.inf
        halved_at, limit, paused_until = row
        limit += (now - halved_at) // self._recovery
        full = self._second.limit if self._second.limit < math.inf else self._fallback + 1
        return (limit if limit < full else self._second.limit), paused_until, halved_at

    def _halve(
        self, sent_at: float, now: float, paused_until: float, db: sqlite3.Connection
    ) -> None:
        limit, earlier_pause, halved_at = self._throttle(db, now)
        if sent_at - halved_at >= self._second.length:
            halved_at = now
            limit = max(1, (limit if limit < math.inf else 2 * self._fallback) // 2)
        elif limit == math.inf:
            return
        row = (self._project, halved_at, limit, max(earlier_pause, paused_until))
        db.execute("INSERT OR REPLACE INTO throttled VALUES (?, ?, ?, ?)", row)

    def _change(self, change: Callable[[sqlite3.Connection], object]) -> None:
        self._unwritten.append(change)
        self._write()

    def _write(self) -> None:
        """Write changes, now or when the file is no longer locked, and renew reservations."""
        try:
            with budget_file.transaction(self._path) as db:
                self._write_changes(db)
        except budget_file.LockedError:
            delay = _LOCK_RETRY
        except NotSentError:  # the next reservation raises it
            delay = _RENEWAL
        else:
            self._unwritten.clear()
            delay = _RENEWAL
        if self._unwritten or self._reserved:
            self._schedule(delay)

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._write)

    def _write_changes(self, db: sqlite3.Connection) -> None:
        for change in self._unwritten:
            change(db)
        now, utc = self._now()
        renewed = [(now, utc, now + _LEASE, reservation) for reservation in self._reserved]
        db.executemany("UPDATE pending SET at = ?, utc = ?, expires = ? WHERE id = ?", renewed)

    def _remove_expired(self, db: sqlite3.Connection, now: float) -> None:
        """Remove what no longer counts; an expired reservation may have been sent."""
        query = "INSERT INTO sent SELECT project, at, utc FROM pending WHERE expires <= ?"
        db.execute(query, [now])
        db.execute("DELETE FROM pending WHERE expires <= ?", [now])
        db.execute("DELETE FROM waiting WHERE expires <= ?", [now])
        max_length = max(self._second.length, self._hour.length)
        db.execute("DELETE FROM sent WHERE at <= ?", [now - max_length])

    def _correct_times(self, db: sqlite3.Connection, now: float, utc: float) -> None:
        """Move times that a reboot, or a clock that was set back, put into the future.

        The newest request then counts as sent now. So an hour in which the budget was used up
        holds requests up for an hour at most, and its budget is not spent twice.
        """
        (boot,) = db.execute("SELECT id FROM boot").fetchone()
        if boot != budget_file.boot_id():
            db.execute("UPDATE sent SET at = utc - ?", [utc - now])
            for table in ("pending", "waiting", "throttled"):
                db.execute(f"DELETE FROM {table}")
            db.execute("UPDATE boot SET id = ?", [budget_file.boot_id()])
        query = (
            "SELECT max(at) FROM (SELECT max(at) AS at FROM sent UNION ALL "
            "SELECT max(at) FROM pending UNION ALL SELECT max(at) FROM throttled)"
        )
        (newest,) = db.execute(query).fetchone()
        if newest is not None and newest > now + _CLOCK_TOLERANCE:
            shift = newest - now
            db.execute("UPDATE sent SET at = at - ?", [shift])
            db.execute("UPDATE pending SET at = at - ?, expires = expires - ?", [shift, shift])
            db.execute(
                "UPDATE throttled SET at = at - ?, paused_until = paused_until - ?", [shift] * 2
            )
            db.execute("DELETE FROM waiting")
