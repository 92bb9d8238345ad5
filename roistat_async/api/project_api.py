"""One request of one project, from path and body to a checked answer.

The only place where spelling (wire), sending (transport) and what may be repeated meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from attrs import field, frozen

from .. import telemetry
from ..clock import Clock
from ..config import Config, is_a
from ..errors import NotFoundError, OutcomeUnknownError, RoistatError
from ..hooks import Hooks
from ..transport import retry
from ..transport.error_mapping import bare
from ..transport.http import Http, Reply
from ..transport.rate_limiter import Governor
from ..transport.retry import Deadline, Kind, RetryBudget
from ..wire import envelope, request
from .attempt import Attempts, Exchange, Operation
from .attempt import read_envelope as read_envelope

T = TypeVar("T")

Look = Callable[..., Awaitable[Any]]
"""Find what a create may have made: called with the endpoint and `sent_at`."""


@frozen(eq=False)
class Endpoint:
    """Send requests of one project."""

    config: Config
    http: Http
    governor: Governor
    clock: Clock
    budget: RetryBudget
    hooks: Hooks = field(factory=Hooks, validator=is_a(Hooks))

    async def read(self, path: str, body: Mapping[str, Any] | None = None) -> envelope.Answer:
        """Ask for something; repeated where that helps."""
        operation = _operation(path, body, Kind.READ)
        del body  # an error's traceback shows what the frames it passed still hold
        return await self._run(Attempts(self, operation))

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
            return read(await self._run(Attempts(self, operation)))
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
        await self._change(Attempts(self, operation))

    async def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete something, as a change; a repeat that finds it gone has done it."""
        attempts = Attempts(self, _operation(path, body, Kind.CHANGE))
        del body
        try:
            await self._change(attempts)
        except NotFoundError:
            if not attempts.is_answer_lost:
                raise

    async def open_file(
        self, operation: Operation, read_head: Callable[[Reply], Awaitable[T]]
    ) -> tuple[Reply, T, Callable[[], None]]:
        """Ask for a file; give its reply, what `read_head` made of its beginning, and a close.

        Repeated until `read_head` is content: an error in place of a file is known by its head.
        """
        attempts = Attempts(self, operation)

        async def attempt(deadline: Deadline) -> tuple[Reply, T, Callable[[], None]]:
            exchange = Exchange(attempts, deadline)
            try:
                reply = await exchange.begin()
                head = await read_head(reply)
            except BaseException as error:
                exchange.end(error)
                raise
            return reply, head, exchange.end

        return await self._repeated(attempts, attempt)

    async def _change(self, attempts: Attempts) -> None:
        started = self.clock.utc_now()
        try:
            await self._run(attempts)
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        else:
            return
        raise _unknown(attempts.operation.path, started, self.config.project)

    # No coroutine where another is handed on: each costs on every turn of the loop.
    def _run(self, attempts: Attempts) -> Awaitable[envelope.Answer]:
        return self._repeated(attempts, attempts.answer)

    def _repeated(
        self, attempts: Attempts, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> Awaitable[T]:
        repeated = self._bare if telemetry.tracer() is None else self._traced
        return repeated(attempts, attempt)

    async def _traced(self, attempts: Attempts, attempt: Callable[[Deadline], Awaitable[T]]) -> T:
        with telemetry.span(attempts.operation.name, self.config.project) as span:
            try:
                return await self._bare(attempts, attempt)
            finally:
                telemetry.note(span, attempts=attempts.number, status=attempts.status)

    async def _bare(self, attempts: Attempts, attempt: Callable[[Deadline], Awaitable[T]]) -> T:
        """Await what may be repeated; an error comes out without the frames it passed."""
        try:
            return await retry.run(
                attempt,
                kind=attempts.operation.kind,
                policy=self.config.retry,
                clock=self.clock,
                budget=self.budget,
                on_wait=attempts.tell_retry,
            )
        except RoistatError as error:
            failure = bare(error)
        except asyncio.CancelledError as error:
            raise bare(error) from None  # a caller's timeout shows it as its cause
        raise failure


def _operation(path: str, body: Mapping[str, Any] | None, kind: Kind) -> Operation:
    return Operation(path, request.encode(body), kind)


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
