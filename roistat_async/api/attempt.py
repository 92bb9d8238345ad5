"""Execution of one operation, with each of its attempts."""

from __future__ import annotations

import math
from functools import partial

from ..config import require_project
from ..errors import RateLimitError
from ..hooks import WaitReason
from ..transport.error_mapping import check_headers
from ..transport.http_request import ConnectionMode, Request
from ..transport.interface import Response
from ..transport.retry import Deadline, accepts_retry_after
from ..wire import envelope, request
from .api_response import read_api_response
from .observer import Observer
from .operation import Operation
from .retry_rules import OperationKind, is_outcome_unknown, is_retryable
from .services import Services


class Execution:
    """One operation being executed: its attempts so far, and what became of them."""

    def __init__(self, services: Services, operation: Operation) -> None:
        self.services = services
        self.operation = operation
        self.project: int | None = None
        if operation.needs_project:
            self.project = require_project(services.config)
        self.observer: Observer = Observer(services.hooks, operation, self.project)
        self.attempts: int = 0
        self.status: int | None = None
        """HTTP status of the last response."""
        self.outcome_unknown: bool = False
        """Whether Roistat may have carried out a failed attempt."""

    async def fetch(self, deadline: Deadline) -> envelope.ApiResponse:
        """Make one attempt and return its whole response."""
        attempt = Attempt(self, deadline)
        try:
            response = await read_api_response(await attempt.open(), self.services.clock)
        except BaseException as error:
            attempt.close(error)
            self.outcome_unknown = self.outcome_unknown or is_outcome_unknown(error)
            raise
        attempt.close()
        return response

    def is_retryable(self, error: BaseException) -> bool:
        """Return whether the operation may be retried after this error."""
        return is_retryable(error, self.operation.kind, self.services.config.retry)

    def request(self, deadline: Deadline) -> Request:
        """Return the HTTP request of an attempt."""
        config, operation = self.services.config, self.operation
        return Request(
            url=request.build_url(config.base_url, operation.path, self.project),
            headers=partial(
                request.build_headers,
                config.key,
                file=operation.is_file,
                byte_range=operation.byte_range,
            ),
            body=operation.body,
            method=operation.method,
            connection_mode=self._connection_mode(),
            total_timeout=None if operation.is_file else max(0.0, deadline.remaining()),
            deadline_seconds=deadline.seconds,
        )

    def _connection_mode(self) -> ConnectionMode:
        # A retry must not meet a second connection that the server closed long ago.
        is_retry = self.operation.is_retry or self.attempts > 1
        is_pooled = self.operation.kind is OperationKind.READ and not is_retry
        return ConnectionMode.POOLED if is_pooled else ConnectionMode.FRESH


class Attempt:
    """One attempt of an operation: a permit, a request and its response.

    Not a context manager, because a file is read long after `open` and closed elsewhere.
    """

    def __init__(self, execution: Execution, deadline: Deadline) -> None:
        execution.attempts += 1
        self._execution = execution
        self._services = execution.services
        self._deadline = deadline
        self._permit = self._services.rate_limiter.permit()
        self._response: Response | None = None
        self._started_at: float | None = None

    async def open(self) -> Response:
        """Wait for a permit, send the request, and return its response; call `close` after it."""
        await self._acquire_permit()
        execution = self._execution
        execution.observer.request(execution.attempts)
        request = execution.request(self._deadline)
        response = await self._services.transport.open(request, self._permit.mark_sent)
        self._response, execution.status = response, response.status
        check_headers(response)
        return response

    def release_permit(self) -> None:
        """Release the permit although the response stays open, because user code reads it."""
        self._permit.release()

    async def _acquire_permit(self) -> None:
        """Wait for a permit; the wait behind other requests does not count for the deadline."""
        clock, limits = self._services.clock, self._services.config.limits
        raises = limits.when_exhausted == "raise"
        max_wait = self._deadline.remaining() if raises else math.inf
        waiting_since = clock.monotonic()
        waited = await self._permit.acquire(max_wait, self._report_wait)
        self._started_at = clock.monotonic()
        counted = waited if raises else 0.0
        self._deadline.extend(self._started_at - waiting_since - counted)

    def close(self, error: BaseException | None = None) -> None:
        """Release the connection and the permit; a rejection slows later requests down."""
        if self._started_at is None:
            return  # it got no permit
        if self._response is not None:
            self._response.close()
        if isinstance(error, RateLimitError):
            is_accepted = accepts_retry_after(error, self._services.config.retry)
            self._permit.throttled(error.retry_after if is_accepted else None)
        self._permit.release()
        if self._response is not None:
            seconds = self._services.clock.monotonic() - self._started_at
            self._execution.observer.response(self._execution.attempts, self._response, seconds)

    def _report_wait(self, reason: WaitReason, seconds: float) -> None:
        self._execution.observer.wait(self._execution.attempts, reason, seconds)
