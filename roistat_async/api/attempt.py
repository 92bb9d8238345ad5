"""One operation under way: what is asked, each attempt of it, and the answer's envelope.

Written without context managers of generators: they cost more than all the rest of an attempt.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from attrs import define, field

from ..clock import Clock
from ..errors import RateLimitError, RoistatError
from ..hooks import RequestEvent, ResponseEvent, RetryEvent
from ..transport import retry, retry_after
from ..transport.http import StreamedResponse
from ..transport.http_request import ConnectionMode, Request
from ..transport.retry import Deadline, OperationKind
from ..wire import envelope, request

if TYPE_CHECKING:
    from .project_api import ProjectApi

_log = logging.getLogger("roistat_async")
_ID = re.compile(r"/[0-9]+/", re.ASCII)
_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_ERROR = 1024 * 1024
# A header `Date` is the same for all answers of a second, and takes long to read.
_moment = lru_cache(maxsize=8)(retry_after.parse_http_date)


@define(eq=False)
class Operation:
    """Be what is asked of Roistat; a create's body holds phone numbers."""

    path: str
    body: bytes | None = field(repr=False)
    kind: OperationKind
    is_file: bool = False
    byte_range: request.ByteRange | None = None
    is_retry: bool = False
    """Whether the caller retries what another operation began. It gets a fresh connection."""

    @property
    def name(self) -> str:
        """Give the path as the vendor's page has it, without the id of a call."""
        return _ID.sub("/{id}/", self.path)


class Execution:
    """Be one operation under way: each attempt, and what the earlier ones came to."""

    def __init__(self, endpoint: ProjectApi, operation: Operation) -> None:
        self.endpoint = endpoint
        self.operation = operation
        self.is_answer_lost: bool = False
        self.number: int = 0
        self.status: int | None = None

    async def answer(self, deadline: Deadline) -> envelope.ApiResponse:
        """Send once and read the whole answer."""
        exchange = Attempt(self, deadline)
        try:
            answer = await read_api_response(await exchange.begin(), self.endpoint.clock)
        except BaseException as error:
            exchange.end(error)
            self.is_answer_lost = self.is_answer_lost or retry.is_outcome_unknown(error)
            raise
        exchange.end()
        return answer

    def request(self, deadline: Deadline) -> Request:
        """Spell the request of an attempt."""
        config, operation = self.endpoint.config, self.operation
        return Request(
            url=request.build_url(config.base_url, operation.path, config.project),
            headers=partial(
                request.build_headers,
                config.key,
                file=operation.is_file,
                byte_range=operation.byte_range,
            ),
            body=operation.body,
            method=request.http_method(operation.byte_range),
            via=self._via(),
            timeout=None if operation.is_file else max(0.0, deadline.remaining()),
            deadline_seconds=deadline.seconds,
        )

    def _via(self) -> ConnectionMode:
        operation = self.operation
        # A retry must not meet a second connection that the server closed long ago.
        is_retry = operation.is_retry or self.number > 1
        is_pooled = operation.kind is OperationKind.READ and not is_retry
        return ConnectionMode.POOLED if is_pooled else ConnectionMode.FRESH

    def notify_request(self) -> None:
        """Tell whoever listens that a request is about to be sent."""
        tell = self.endpoint.hooks.on_request
        if tell is not None:
            project = self.endpoint.config.project
            tell(RequestEvent(operation=self.operation.name, project=project, attempt=self.number))

    def notify_response(self, reply: StreamedResponse, seconds: Callable[[], float]) -> None:
        """Tell whoever listens of an answer, once it was read or left."""
        tell, is_logged = self.endpoint.hooks.on_response, _log.isEnabledFor(logging.DEBUG)
        if tell is None and not is_logged:
            return
        size = reply.body.bytes_received
        if is_logged:
            text = "%s answered %d with %d bytes in %.0f ms, attempt %d"
            path, number = self.operation.path, self.number
            _log.debug(text, path, reply.status, size, seconds() * 1000, number)
        if tell is not None:
            tell(
                ResponseEvent(
                    operation=self.operation.name,
                    project=self.endpoint.config.project,
                    attempt=self.number,
                    status=reply.status,
                    bytes=size,
                    seconds=seconds(),
                )
            )

    def notify_retry(self, number: int, error: RoistatError, wait: float) -> None:
        """Tell whoever listens that an attempt failed and another follows."""
        if _log.isEnabledFor(logging.DEBUG):
            text = "%s failed (%s), attempt %d; the next in %.2f s"
            _log.debug(text, self.operation.path, type(error).__name__, number, wait)
        tell = self.endpoint.hooks.on_retry
        if tell is not None:
            tell(
                RetryEvent(
                    operation=self.operation.name,
                    project=self.endpoint.config.project,
                    attempt=number,
                    error=error,
                    delay=wait,
                )
            )


class Attempt:
    """Be one attempt, from where the governor lets it begin; who began it must end it."""

    def __init__(self, attempts: Execution, deadline: Deadline) -> None:
        attempts.number += 1
        self._attempts = attempts
        self._deadline = deadline
        self._slot = attempts.endpoint.rate_limiter.permit()
        self._reply: StreamedResponse | None = None
        self._sending = 0.0
        self._is_begun = False

    async def begin(self) -> StreamedResponse:
        """Send the request and give the beginning of its answer."""
        now = self._attempts.endpoint.clock.monotonic
        asked = now()
        await self._slot.acquire()
        self._sending = now()
        self._deadline.extend(self._sending - asked)
        self._is_begun = True
        self._reply = reply = await self._sent()
        self._attempts.status = reply.status
        return reply

    def _sent(self) -> Awaitable[StreamedResponse]:
        attempts = self._attempts
        attempts.notify_request()
        return attempts.endpoint.http.open(attempts.request(self._deadline), self._slot.mark_sent)

    def end(self, error: BaseException | None = None) -> None:
        """Free its place and connection; what went wrong may slow down those that follow."""
        if not self._is_begun:
            return
        reply = self._reply
        if reply is not None:
            reply.close()
        if error is not None:
            self._failed(error)
        self._slot.release()
        if reply is not None:
            now = self._attempts.endpoint.clock.monotonic
            self._attempts.notify_response(reply, lambda: now() - self._sending)

    def _failed(self, error: BaseException) -> None:
        endpoint = self._attempts.endpoint
        if isinstance(error, RateLimitError):
            worth_it = retry.accepts_retry_after(error, endpoint.config.retry)
            self._slot.throttled(error.retry_after if worth_it else None)


async def read_api_response(
    reply: StreamedResponse, clock: Clock, head: bytes = b""
) -> envelope.ApiResponse:
    """Read a whole answer and open it; raise the error it holds."""
    cap = _LARGEST_ANSWER if reply.status < 400 else _LARGEST_ERROR
    date = reply.header("Date")
    wait = reply.header("Retry-After")
    seconds = (
        None
        if wait is None
        else retry_after.parse_retry_after(wait, date=date, now=clock.utc_now())
    )
    return envelope.read(
        head + await reply.read(cap),  # in no variable: a traceback would show it
        http_status=reply.status,
        retry_after=seconds,
        answered_at=_moment(date),
        content_type=reply.header("Content-Type"),
    )
