"""One request of one project, from path and body to a checked answer.

The only place where spelling (wire), sending (transport) and what may be repeated meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from attrs import field, frozen

from .. import telemetry
from ..clock import Clock
from ..config import Config
from ..errors import Lookup, NotFoundError, OutcomeUnknownError, RoistatError
from ..hooks import Hooks
from ..transport import retry
from ..transport.error_mapping import strip_context
from ..transport.http import HttpTransport, StreamedResponse
from ..transport.rate_limiter import RateLimiter
from ..transport.retry import Deadline, OperationKind, RetryBudget
from ..validation import instance_of
from ..wire import envelope, request
from .attempt import Attempt, Execution, Operation
from .attempt import read_api_response as read_api_response

T = TypeVar("T")


@frozen(eq=False)
class ProjectApi:
    """Send requests of one project."""

    config: Config
    http: HttpTransport
    rate_limiter: RateLimiter
    clock: Clock
    budget: RetryBudget
    hooks: Hooks = field(factory=Hooks, validator=instance_of(Hooks))

    async def read(self, path: str, body: Mapping[str, Any] | None = None) -> envelope.ApiResponse:
        """Ask for something; repeated where that helps."""
        operation = _operation(path, body, OperationKind.READ)
        del body  # an error's traceback shows what the frames it passed still hold
        return await self._execute(Execution(self, operation))

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[envelope.ApiResponse], T],
        lookup: Lookup | None = None,
    ) -> T:
        """Create a record, once; `lookup` finds it by listing if the response is lost."""
        operation = _operation(path, body, OperationKind.CREATE)
        del body
        started = self.clock.utc_now()
        try:
            return read(await self._execute(Execution(self, operation)))
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        raise _outcome_unknown(path, started, self.config.project, lookup)

    async def update(self, path: str, body: Mapping[str, Any]) -> None:
        """Change something; repeated after a lost answer only by opt-in."""
        operation = _operation(path, body, OperationKind.CHANGE)
        del body
        await self._change(Execution(self, operation))

    async def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete something, as a change; a repeat that finds it gone has done it."""
        attempts = Execution(self, _operation(path, body, OperationKind.CHANGE))
        del body
        try:
            await self._change(attempts)
        except NotFoundError:
            if not attempts.is_answer_lost:
                raise

    async def open_file(
        self, operation: Operation, read_head: Callable[[StreamedResponse], Awaitable[T]]
    ) -> tuple[StreamedResponse, T, Callable[[], None]]:
        """Ask for a file; give its reply, what `read_head` made of its beginning, and a close.

        Repeated until `read_head` is content: an error in place of a file is known by its head.
        """
        attempts = Execution(self, operation)

        async def attempt(deadline: Deadline) -> tuple[StreamedResponse, T, Callable[[], None]]:
            exchange = Attempt(attempts, deadline)
            try:
                reply = await exchange.begin()
                head = await read_head(reply)
            except BaseException as error:
                exchange.end(error)
                raise
            return reply, head, exchange.end

        return await self._dispatch(attempts, attempt)

    async def _change(self, attempts: Execution) -> None:
        started = self.clock.utc_now()
        try:
            await self._execute(attempts)
        except RoistatError as error:
            if not retry.is_outcome_unknown(error):
                raise
        else:
            return
        raise _outcome_unknown(attempts.operation.path, started, self.config.project)

    # No coroutine where another is handed on: each costs on every turn of the loop.
    def _execute(self, attempts: Execution) -> Awaitable[envelope.ApiResponse]:
        return self._dispatch(attempts, attempts.answer)

    def _dispatch(
        self, attempts: Execution, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> Awaitable[T]:
        repeated = self._execute_untraced if telemetry.tracer() is None else self._execute_traced
        return repeated(attempts, attempt)

    async def _execute_traced(
        self, attempts: Execution, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> T:
        with telemetry.span(attempts.operation.name, self.config.project) as span:
            try:
                return await self._execute_untraced(attempts, attempt)
            finally:
                telemetry.record_result(span, attempts=attempts.number, status=attempts.status)

    async def _execute_untraced(
        self, attempts: Execution, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> T:
        """Await what may be repeated; an error comes out without the frames it passed."""
        try:
            return await retry.call_with_retry(
                attempt,
                kind=attempts.operation.kind,
                policy=self.config.retry,
                clock=self.clock,
                budget=self.budget,
                on_retry=attempts.notify_retry,
            )
        except RoistatError as error:
            failure = strip_context(error)
        except asyncio.CancelledError as error:
            raise strip_context(error) from None  # a caller's timeout shows it as its cause
        raise failure


def _operation(path: str, body: Mapping[str, Any] | None, kind: OperationKind) -> Operation:
    return Operation(path, request.encode_body(body), kind)


def _outcome_unknown(
    path: str, sent_at: datetime, project: int, lookup: Lookup | None = None
) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{path} was sent and not answered; it may have happened and was not sent again. "
        "`await roistat.resolve(error)` looks whether a create did",
        operation=path,
        sent_at=sent_at,
        project=project,
        lookup=lookup,
    )


def ambiguous(path: str, found: Sequence[object]) -> RoistatError:
    """Say that more than one record may be the one that was to be created."""
    return RoistatError(
        f"{len(found)} records could be the one that {path} was to create; look at them yourself"
    )
