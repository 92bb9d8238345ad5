"""Handler of webhooks for aiohttp.web."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from .delivery import DeliveryStore
from .receiver import OnCall, WebhookReceiver

if TYPE_CHECKING:
    from aiohttp import web


def webhook_handler(
    *,
    secret: str,
    on_call: OnCall,
    store: DeliveryStore | None = None,
    max_bytes: int = 256 * 1024,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler for a route with the secret in its path.

        app.add_routes([web.post("/roistat/{secret}", webhook_handler(secret=..., on_call=...))])

    `on_call` is awaited once for each event, and the response waits for it: 200, or 500 if it
    raised. A wrong secret is 404, a body that is no event 400, one above `max_bytes` 413.
    """
    # Here, not above: programs of other frameworks do not need the server of aiohttp.
    from aiohttp import web

    receiver = WebhookReceiver(secret=secret, on_call=on_call, store=store, max_bytes=max_bytes)

    async def handle(request: web.Request) -> web.Response:
        if "secret" not in request.match_info:
            raise ConfigurationError("the path of the route must have {secret} in it")
        if not receiver.is_secret(request.match_info["secret"]):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        body = await receiver.read(request.content.iter_any())
        status = await receiver.receive(body, request.headers.get("Content-Type"))
        return web.Response(status=status)

    return handle
