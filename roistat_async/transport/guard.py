"""Whether a connection may carry one more answer, or has one waiting that nobody asked for.

aiohttp takes whatever comes next on a kept connection for the answer to the next request (fault
matrix T19), which for a recording would be another call's, whole and of the right kind (D15). So a
connection goes from one recording to the next only while nothing is waiting on it: not in aiohttp,
not half a message in its parser, not in the socket. It is asked at the end of a recording, before
that gets its name, and again before the next request leaves.

One hole remains: an extra answer that is still under way while the next request leaves, and that
is whole before the true one begins to come. Only a fresh connection has no such past: therefore
everything but the first request for each of many recordings has one.
"""

from __future__ import annotations

import select
from typing import Any

from ..scheduling import fair_yield

LONGEST_IDLE = 1.0
"""Seconds after which a connection is closed: the longer it waits, the more may come on it."""


async def may_carry_more(connection: Any) -> bool:
    """Tell whether nothing is waiting on a connection that lay in its pool."""
    try:
        return await Held(connection).comes_to_rest()
    except BaseException:
        connection.close()
        raise


def hold(connection: Any) -> Held:
    """Keep a connection back at the end of its answer, to be judged first."""
    held = Held(connection)
    connection.release = _do_nothing
    return held


class Held:
    """Be a connection that stays where it is at the end of its answer, until it is judged.

    aiohttp would give it to the next request as soon as the last byte is there.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._protocol = connection.protocol
        self._transport = connection.transport
        self._is_spoilt = False  # a parser tells only once

    async def comes_to_rest(self) -> bool:
        """Tell whether nothing is waiting, once all that was received has been looked at."""
        # What TLS holds undeciphered no look at the socket shows; the loop's next turn reads it.
        if self._transport is not None and self._transport.get_extra_info("ssl_object"):
            await fair_yield()
        self._is_spoilt = self._is_spoilt or not self._is_in_step()
        return not self._is_spoilt

    def _is_in_step(self) -> bool:
        transport = self._transport
        if not self.is_quiet() or _has_begun(getattr(self._protocol, "_parser", None)):
            return False
        sock = transport.get_extra_info("socket")
        return sock is not None and not _is_readable(sock.fileno())

    def is_quiet(self) -> bool:
        """Tell whether the loop read nothing of the kind so far; any thread may ask."""
        protocol, transport = self._protocol, self._transport
        if protocol is None or transport is None or transport.is_closing():
            return False
        return not protocol.should_close

    def end(self, *, is_over: bool) -> None:
        """Let the next request have the connection if its answer is over, else close it.

        The next one asks again before it takes it.
        """
        connection = self._connection
        if is_over and self.is_quiet() and not self._is_spoilt:
            vars(connection).pop("release", None)
            connection.release()
        else:
            connection.close()


def _do_nothing() -> None:
    """Stand in for what comes later."""


def _has_begun(parser: Any) -> bool:
    """Tell whether a parser holds the beginning of one more message.

    It says so when told that no more comes; the next request gets a new one anyway.
    """
    if parser is None:
        return False
    try:
        return parser.feed_eof() is not None
    except Exception:  # of whatever kind: it could not make sense of what it holds
        return True


def _is_readable(fd: int) -> bool:
    """Tell whether bytes or an end wait in a socket; under TLS any bytes: none were asked for."""
    if fd < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
