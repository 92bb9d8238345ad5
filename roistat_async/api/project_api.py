"""Requests of one project, from path and body to a checked response.

Only here do encoding (`wire/`), sending (`transport/`) and the rules of retries meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self, TypeVar

from attrs import evolve, frozen

from .. import telemetry
from ..errors import Lookup, NotFoundError, OutcomeUnknownError, RoistatError
from ..tracebacks import clear_locals, strip_context
from ..transport.bandwidth import LimitedResponse
from ..transport.interface import Response
from ..transport.retry import Deadline, call_with_retry
from ..wire import envelope, request
from .attempt import Attempt, Execution
from .operation import Operation
from .retry_rules import OperationKind, is_outcome_unknown
from .services import Services

T = TypeVar("T")

_RESOLVE = "It is not sent twice; `await roistat.resolve(error)` looks whether the record exists"
_CHECK = (
    "Check the record and send the change again; RetryPolicy(retry_updates=True) does so by itself"
)


@frozen(eq=False)
class ProjectApi(Services):
    """Sender of the requests of one project."""

    async def read(
        self, path: str, body: Mapping[str, Any] | None = None, *, needs_project: bool = True
    ) -> envelope.ApiResponse:
        """Return the response of a read, retried where that helps."""
        operation = _operation(path, body, OperationKind.READ)
        operation.needs_project = needs_project
        del body  # a traceback shows the local variables of its frames
        execution = Execution(self, operation)
        with _reporting_error(execution):
            return await self._fetch(execution)

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[envelope.ApiResponse], T],
        lookup: Lookup | None = None,
    ) -> T:
        """Create a record once; `lookup` finds it by listing if the response is lost."""
        operation = _operation(path, body, OperationKind.CREATE)
        del body
        execution = Execution(self, operation)
        sent_at = self.clock.utc_now()
        with _reporting_error(execution):
            try:
                return read(await self._fetch(execution))
            except Exception as error:
                if not is_outcome_unknown(error):
                    raise
                cause = _describe(error)
            raise _outcome_unknown(execution, sent_at, f"{cause}. {_RESOLVE}", lookup)

    async def update(self, path: str, body: Mapping[str, Any]) -> None:
        """Change something; retried after a lost response only if the policy allows it."""
        operation = _operation(path, body, OperationKind.CHANGE)
        del body
        execution = Execution(self, operation)
        with _reporting_error(execution):
            await self._change(execution)

    async def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete something; a retry that finds nothing has succeeded."""
        execution = Execution(self, _operation(path, body, OperationKind.CHANGE))
        del body
        with _reporting_error(execution):
            try:
                await self._change(execution)
            except NotFoundError:
                if not execution.outcome_unknown:
                    raise

    async def open_file(
        self,
        operation: Operation,
        read_head: Callable[[Response], Awaitable[T]],
        *,
        holds_permit: bool,
    ) -> tuple[Response, T, Callable[[], None]]:
        """Return the response of a file, the result of `read_head`, and a function to close it.

        Retried until `read_head` returns: only the first bytes tell a file from an error. If user
        code reads the body, it must not hold a permit, because that code may send other requests
        and wait for one.
        """
        execution = Execution(self, operation)

        async def open_and_read(deadline: Deadline) -> tuple[Response, T, Callable[[], None]]:
            attempt = Attempt(execution, deadline)
            try:
                response = self._limited(await attempt.open())
                head = await read_head(response)
            except BaseException as error:
                attempt.close(error)
                raise
            if not holds_permit:
                attempt.release_permit()
            return response, head, attempt.close

        with _reporting_error(execution):
            return await self._execute(execution, open_and_read)

    def _limited(self, response: Response) -> Response:
        limiter = self.bandwidth
        return response if limiter is None else LimitedResponse(response, limiter)

    def waiting_for_limits(self) -> Self:
        """Return the same API, whose requests wait for the hour's limit as long as it takes."""
        limits = evolve(self.config.limits, when_exhausted="wait")
        return evolve(self, config=evolve(self.config, limits=limits))

    async def _change(self, execution: Execution) -> None:
        sent_at = self.clock.utc_now()
        try:
            await self._fetch(execution)
        except Exception as error:
            if not is_outcome_unknown(error):
                raise
            cause = _describe(error)
        else:
            return
        raise _outcome_unknown(execution, sent_at, f"{cause}. {_CHECK}")

    async def _fetch(self, execution: Execution) -> envelope.ApiResponse:
        return await self._execute(execution, execution.fetch)

    async def _execute(
        self, execution: Execution, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> T:
        if telemetry.tracer() is None:
            return await self._execute_untraced(execution, attempt)
        operation = execution.operation
        with telemetry.span(operation.method, operation.name, execution.project) as span:
            try:
                return await self._execute_untraced(execution, attempt)
            finally:
                telemetry.record_result(span, attempts=execution.attempts, status=execution.status)

    async def _execute_untraced(
        self, execution: Execution, attempt: Callable[[Deadline], Awaitable[T]]
    ) -> T:
        """Return the result of the attempts; raise errors without the frames that they passed."""
        try:
            return await call_with_retry(
                attempt,
                is_retryable=execution.is_retryable,
                policy=self.config.retry,
                clock=self.clock,
                budget=self.budget,
                on_retry=execution.observer.retry,
            )
        except RoistatError as error:
            failure = strip_context(error)
        except asyncio.CancelledError as error:
            raise strip_context(error) from None  # a caller's timeout shows it as its cause
        except BaseException as error:  # MemoryError, or a bug in another library
            raise clear_locals(error) from None
        raise failure


@contextmanager
def _reporting_error(execution: Execution) -> Iterator[None]:
    try:
        yield
    except RoistatError as error:
        execution.observer.error(execution.attempts, error)
        raise


def _operation(path: str, body: Mapping[str, Any] | None, kind: OperationKind) -> Operation:
    return Operation(path, request.encode_body(body), kind)


def _describe(error: Exception) -> str:
    """Return what happened, without the text of another library, which may hold anything."""
    return str(error) if isinstance(error, RoistatError) else type(error).__name__


def _outcome_unknown(
    execution: Execution, sent_at: datetime, cause_and_advice: str, lookup: Lookup | None = None
) -> OutcomeUnknownError:
    path = execution.operation.path
    return OutcomeUnknownError(
        f"{path} was sent and may have succeeded, without proof: {cause_and_advice}",
        operation=path,
        sent_at=sent_at,
        project=execution.project,
        lookup=lookup,
    )


def ambiguous(path: str, candidates: Sequence[object]) -> RoistatError:
    """Return the error of a create whose lookup finds no single record that it surely created."""
    return RoistatError(
        f"{len(candidates)} records may be what {path} was to create: they match, or cannot be "
        "read; check them yourself before you create again"
    )
