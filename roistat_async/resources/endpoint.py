"""One request of one project, from path and body to a checked answer.

The only place where spelling (wire), sending (transport) and what may be repeated meet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from ..clock import Clock
from ..config import Config
from ..errors import OutcomeUnknownError, RateLimitError, RoistatError
from ..transport import retry, retry_after
from ..transport.governor import Governor
from ..transport.http import Http, Reply, Request
from ..transport.retry import Deadline, Kind, RetryBudget
from ..wire import envelope, request

T = TypeVar("T")

Look = Callable[..., Awaitable[Any]]
"""Find what a create may have made: called with the endpoint and `sent_at`."""

_log = logging.getLogger("roistat_async")
_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_ERROR = 1024 * 1024


@frozen(eq=False)
class Endpoint:
    """Send requests of one project."""

    config: Config
    http: Http
    governor: Governor
    clock: Clock
    budget: RetryBudget

    async def read(self, path: str, body: Mapping[str, Any] | None = None) -> envelope.Answer:
        """Ask for something; repeated where that helps."""
        return await self._run(path, body, Kind.READ)

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[envelope.Answer], T],
        look: Look,
    ) -> T:
        """Make something, once; `look` finds it by listing if the answer is lost."""
        started = self.clock.utc_now()
        try:
            return read(await self._run(path, body, Kind.CREATE))
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        unknown = _unknown(path, started)
        unknown._look = partial(look, sent_at=started)
        raise unknown

    async def change(self, path: str, body: Mapping[str, Any]) -> envelope.Answer:
        """Change or delete something; repeated after a lost answer only by opt-in."""
        started = self.clock.utc_now()
        try:
            return await self._run(path, body, Kind.CHANGE)
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        raise _unknown(path, started)

    async def open_file(
        self, path: str, body: Mapping[str, Any] | None, read_head: Callable[[Reply], Awaitable[T]]
    ) -> tuple[Reply, T, Callable[[], Awaitable[None]]]:
        """Ask for a file; give its reply, what `read_head` made of its beginning, and a close.

        Repeated until `read_head` is content: an error in place of a file is known by its head.
        """

        async def attempt(deadline: Deadline) -> tuple[Reply, T, Callable[[], Awaitable[None]]]:
            exchange = self._exchange(path, body, deadline, file=True, fresh=True)
            reply = await exchange.__aenter__()
            try:
                head = await read_head(reply)
            except BaseException as error:
                await exchange.__aexit__(type(error), error, error.__traceback__)
                raise
            return reply, head, partial(exchange.__aexit__, None, None, None)

        return await self._repeated(attempt, Kind.READ)

    async def _run(
        self, path: str, body: Mapping[str, Any] | None, kind: Kind
    ) -> envelope.Answer:
        async def attempt(deadline: Deadline) -> envelope.Answer:
            return await self._answer(path, body, kind, deadline)

        return await self._repeated(attempt, kind)

    async def _repeated(self, attempt: Callable[[Deadline], Awaitable[T]], kind: Kind) -> T:
        async def governed(deadline: Deadline) -> T:
            try:
                return await attempt(deadline)
            except RateLimitError as error:
                self.governor.refused(error.retry_after)
                raise

        return await retry.run(
            governed,
            kind=kind,
            policy=self.config.retry,
            clock=self.clock,
            budget=self.budget,
        )

    async def _answer(
        self, path: str, body: Mapping[str, Any] | None, kind: Kind, deadline: Deadline
    ) -> envelope.Answer:
        fresh = kind is not Kind.READ
        try:
            async with asyncio.timeout(None) as bound:
                async with self._exchange(path, body, deadline, bound, fresh=fresh) as reply:
                    return await read_envelope(reply, self.clock)
        except TimeoutError:
            if not bound.expired():
                raise
        raise deadline.passed()

    @asynccontextmanager
    async def _exchange(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: Deadline,
        bound: asyncio.Timeout | None = None,
        *,
        file: bool = False,
        fresh: bool,
    ) -> AsyncIterator[Reply]:
        asked = self.clock.monotonic()
        async with self.governor.slot() as slot:
            sending = self.clock.monotonic()
            deadline.forgive(sending - asked)
            if bound is not None:
                bound.reschedule(asyncio.get_running_loop().time() + max(0.0, deadline.left()))
            async with self.http.exchange(
                self._request(path, body, file=file, fresh=fresh), slot.sent
            ) as reply:
                slot.sent()  # for a borrowed session, which does not tell when headers leave
                _log.debug(
                    "%s answered %d after %.0f ms",
                    path,
                    reply.status,
                    (self.clock.monotonic() - sending) * 1000,
                )
                yield reply

    def _request(
        self, path: str, body: Mapping[str, Any] | None, *, file: bool, fresh: bool
    ) -> Request:
        config = self.config
        return Request(
            url=request.url(config.base_url, path, config.project),
            headers=partial(request.headers, config.key, file=file),
            body=request.encode(body),
            is_fresh=fresh,
        )


async def read_envelope(reply: Reply, clock: Clock, head: bytes = b"") -> envelope.Answer:
    """Read a whole answer and open it; raise the error it holds."""
    cap = _LARGEST_ANSWER if reply.status < 400 else _LARGEST_ERROR
    body = head + await reply.read(cap)
    wait = retry_after.read(
        reply.header("Retry-After"), date=reply.header("Date"), now=clock.utc_now()
    )
    return envelope.read(body, http_status=reply.status, retry_after=wait)


def _unknown(path: str, sent_at: datetime) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{path} was sent and not answered; it may have happened and was not sent again. "
        "`await roistat.resolve(error)` looks whether a create did",
        operation=path,
        sent_at=sent_at,
    )


def ambiguous(path: str, found: Sequence[object]) -> RoistatError:
    """Say that more than one record may be the one that was to be created."""
    return RoistatError(
        f"{len(found)} records could be the one that {path} was to create; look at them yourself"
    )
