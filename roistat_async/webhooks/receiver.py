"""Reception of webhooks in any web framework: secret, size, duplicates, errors."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import AsyncIterable, Awaitable, Callable
from http import HTTPStatus

from ..errors import ConfigurationError, MalformedResponseError
from ..validation import require_int
from .delivery import DeliveryStore, RecentDeliveries
from .events import CallEnded, CallStarted
from .parsing import parse_webhook

OnCall = Callable[[CallStarted | CallEnded], Awaitable[object]]
"""Function that handles an event. If it raises, the event may be sent again."""

_logger = logging.getLogger("roistat_async.webhooks")
_SECRET = re.compile(r"[A-Za-z0-9._~-]{16,}", re.ASCII)


class WebhookReceiver:
    """Receiver of the webhooks of one project.

    `on_call` is awaited once for each event: a duplicate is recognised by the id of the call and
    the kind of the event. `secret` is the part of the URL that only Roistat knows.
    """

    def __init__(
        self,
        *,
        secret: str,
        on_call: OnCall,
        store: DeliveryStore | None = None,
        max_bytes: int = 256 * 1024,
    ) -> None:
        if not _SECRET.fullmatch(str(secret)):
            raise ConfigurationError(
                "secret must have 16 or more letters, digits, - or _: use secrets.token_urlsafe(32)"
            )
        if not callable(on_call):
            raise ConfigurationError("on_call must be an async function of one event")
        self.max_bytes = require_int(max_bytes, "max_bytes")
        self._secret = secret.encode()
        self._on_call = on_call
        self._store = RecentDeliveries() if store is None else store
        self._running: dict[str, asyncio.Task[bool]] = {}

    def is_secret(self, candidate: str) -> bool:
        """Return whether a part of a URL is the secret, in a time that tells nothing about it."""
        return hmac.compare_digest(candidate.encode("utf-8", "surrogatepass"), self._secret)

    async def read(self, chunks: AsyncIterable[bytes]) -> bytes:
        """Return the body of a request, or as much of it as shows that it is too large."""
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > self.max_bytes:
                break
        return bytes(body)

    async def receive(self, body: bytes, content_type: str | None = None) -> HTTPStatus:
        """Handle one request and return the status to respond with. The secret is checked before.

        200: handled, now or earlier. 400: no event of a call. 413: too large. 500: `on_call` or
        the store failed, which is logged.
        """
        if len(body) > self.max_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        try:
            event = parse_webhook(body, content_type)
        except MalformedResponseError as error:
            _logger.warning("refused a webhook: %s", error)
            return HTTPStatus.BAD_REQUEST
        is_handled = await self._handle_once(event)
        return HTTPStatus.OK if is_handled else HTTPStatus.INTERNAL_SERVER_ERROR

    async def _handle_once(self, event: CallStarted | CallEnded) -> bool:
        """Handle an event, or wait for the same one that is being handled."""
        key = f"{'end' if isinstance(event, CallEnded) else 'start'}:{event.id}"
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._handle(key, event))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # A client that hangs up cancels this request, but not the work for its duplicate.
        return await asyncio.shield(task)

    async def _handle(self, key: str, event: CallStarted | CallEnded) -> bool:
        """Return whether the event was handled, now or earlier; a failure is logged."""
        try:
            if not await self._store.contains(key):
                await self._on_call(event)
                await self._store.add(key)
        except Exception:
            _logger.exception("a webhook of call %s was not handled", event.id)
            return False
        return True
