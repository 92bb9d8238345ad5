"""One request of one project, from path and body to a checked answer.

The only place where spelling (wire), sending (transport) and what may be repeated meet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from attrs import field, frozen

from ..clock import Clock
from ..config import Config
from ..errors import (
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    RoistatError,
)
from ..transport import retry, retry_after
from ..transport.failures import bare
from ..transport.governor import Governor
from ..transport.http import Http, Reply
from ..transport.request import Request
from ..transport.retry import Deadline, Kind, RetryBudget
from ..wire import envelope, request

T = TypeVar("T")

Look = Callable[..., Awaitable[Any]]
"""Find what a create may have made: called with the endpoint and `sent_at`."""

_log = logging.getLogger("roistat_async")
_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_ERROR = 1024 * 1024


@frozen
class _Operation:
    """Be what is asked of Roistat; a create's body holds phone numbers."""

    path: str
    body: bytes | None = field(repr=False)
    kind: Kind
    is_file: bool = False


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
        operation = _operation(path, body, Kind.READ)
        del body  # an error's traceback shows what the frames it passed still hold
        return await self._run(_Attempts(self, operation))

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[envelope.Answer], T],
        look: Look,
    ) -> T:
        """Make something, once; `look` finds it by listing if the answer is lost."""
        operation = _operation(path, body, Kind.CREATE)
        del body
        started = self.clock.utc_now()
        try:
            return read(await self._run(_Attempts(self, operation)))
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        unknown = _unknown(path, started, self.config.project)
        unknown._look = partial(look, sent_at=started)
        raise unknown

    async def change(self, path: str, body: Mapping[str, Any]) -> None:
        """Change something; repeated after a lost answer only by opt-in."""
        operation = _operation(path, body, Kind.CHANGE)
        del body
        await self._change(_Attempts(self, operation))

    async def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete something, as a change; a repeat that finds it gone has done it."""
        attempts = _Attempts(self, _operation(path, body, Kind.CHANGE))
        del body
        try:
            await self._change(attempts)
        except NotFoundError:
            if not attempts.is_answer_lost:
                raise

    async def open_file(
        self, path: str, body: Mapping[str, Any] | None, read_head: Callable[[Reply], Awaitable[T]]
    ) -> tuple[Reply, T, Callable[[], Awaitable[None]]]:
        """Ask for a file; give its reply, what `read_head` made of its beginning, and a close.

        Repeated until `read_head` is content: an error in place of a file is known by its head.
        """
        attempts = _Attempts(self, _operation(path, body, Kind.READ, is_file=True))

        async def attempt(deadline: Deadline) -> tuple[Reply, T, Callable[[], Awaitable[None]]]:
            async with AsyncExitStack() as stack:
                reply = await stack.enter_async_context(attempts.exchange(deadline))
                head = await read_head(reply)
                return reply, head, stack.pop_all().aclose

        return await self._repeated(attempt, Kind.READ)

    async def _change(self, attempts: _Attempts) -> None:
        started = self.clock.utc_now()
        try:
            await self._run(attempts)
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        else:
            return
        raise _unknown(attempts.operation.path, started, self.config.project)

    async def _run(self, attempts: _Attempts) -> envelope.Answer:
        return await self._repeated(attempts.answer, attempts.operation.kind)

    async def _repeated(self, attempt: Callable[[Deadline], Awaitable[T]], kind: Kind) -> T:
        try:
            return await retry.run(
                attempt,
                kind=kind,
                policy=self.config.retry,
                clock=self.clock,
                budget=self.budget,
            )
        except RoistatError as error:
            failure = bare(error)
        except asyncio.CancelledError as error:
            raise bare(error) from None  # a caller's timeout shows it as its cause
        raise failure


class _Attempts:
    """Be one operation under way: each attempt, and what the earlier ones came to."""

    def __init__(self, endpoint: Endpoint, operation: _Operation) -> None:
        self._endpoint = endpoint
        self.operation = operation
        self._number = 0
        self.is_answer_lost = False

    async def answer(self, deadline: Deadline) -> envelope.Answer:
        """Send once and read the whole answer."""
        try:
            async with self.exchange(deadline) as reply:
                return await read_envelope(reply, self._endpoint.clock)
        except RoistatError as error:
            self.is_answer_lost = self.is_answer_lost or retry.is_outcome_unknown(error)
            raise

    @asynccontextmanager
    async def exchange(self, deadline: Deadline) -> AsyncIterator[Reply]:
        """Send once when the governor lets it, and give the reply."""
        endpoint, clock = self._endpoint, self._endpoint.clock
        self._number += 1
        asked = clock.monotonic()
        async with endpoint.governor.slot() as slot:
            sending = clock.monotonic()
            deadline.forgive(sending - asked)
            try:
                async with endpoint.http.exchange(self._request(deadline), slot.sent) as reply:
                    slot.sent()  # a borrowed session does not tell when headers leave
                    self._log(reply, clock.monotonic() - sending)
                    yield reply
            except RateLimitError as error:
                retry_policy = endpoint.config.retry
                worth_it = retry.is_worth_waiting(error, retry_policy)
                slot.refused(error.retry_after if worth_it else None)
                raise
            except NotSentError:
                raise
            except BaseException:
                if not endpoint.http.tells_when_sent:
                    slot.sent()  # for all we know
                raise

    def _request(self, deadline: Deadline) -> Request:
        config, operation = self._endpoint.config, self.operation
        is_plain_read = operation.kind is Kind.READ and not operation.is_file
        return Request(
            url=request.url(config.base_url, operation.path, config.project),
            headers=partial(request.headers, config.key, file=operation.is_file),
            body=operation.body,
            # A repeat must not meet a second connection that the server gave up long ago.
            is_fresh=self._number > 1 or not is_plain_read,
            within=None if operation.is_file else max(0.0, deadline.left()),
            deadline=deadline.seconds,
        )

    def _log(self, reply: Reply, seconds: float) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            text = "%s answered %d after %.0f ms, attempt %d"
            _log.debug(text, self.operation.path, reply.status, seconds * 1000, self._number)


async def read_envelope(reply: Reply, clock: Clock, head: bytes = b"") -> envelope.Answer:
    """Read a whole answer and open it; raise the error it holds."""
    cap = _LARGEST_ANSWER if reply.status < 400 else _LARGEST_ERROR
    date = reply.header("Date")
    wait = retry_after.read(reply.header("Retry-After"), date=date, now=clock.utc_now())
    return envelope.read(
        head + await reply.read(cap),  # in no variable: a traceback would show it
        http_status=reply.status,
        retry_after=wait,
        answered_at=retry_after.moment(date),
    )


def _operation(
    path: str, body: Mapping[str, Any] | None, kind: Kind, *, is_file: bool = False
) -> _Operation:
    return _Operation(path, request.encode(body), kind, is_file)


def _unknown(path: str, sent_at: datetime, project: int) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{path} was sent and not answered; it may have happened and was not sent again. "
        "`await roistat.resolve(error)` looks whether a create did",
        operation=path,
        sent_at=sent_at,
        project=project,
    )


def ambiguous(path: str, found: Sequence[object]) -> RoistatError:
    """Say that more than one record may be the one that was to be created."""
    return RoistatError(
        f"{len(found)} records could be the one that {path} was to create; look at them yourself"
    )
