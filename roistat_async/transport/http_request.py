"""What is sent, and how the network is reached."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import define, field, frozen

from ..validation import instance_of

_LARGE = 1 << 20


class ConnectionMode(Enum):
    """Which connection a request uses."""

    POOLED = "one that earlier reads may have used: a read that it loses is retried"
    FRESH = "a new one: a used one may lose the response, or carry that of another request"


@define(eq=False)
class Request:
    """Be one request. `headers` makes its own at the last moment, for they hold the key."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    method: str = "POST"
    via: ConnectionMode = ConnectionMode.POOLED
    timeout: float | None = None
    """The seconds until the body must be there; None where only its speed is bounded."""
    deadline_seconds: float = 0.0
    """The seconds that `within` is what is left of, for the message."""

    def payload(self) -> bytes | io.BytesIO | None:
        """Give the body as aiohttp wants it: of large bytes, written at once, it warns."""
        is_large = self.body is not None and len(self.body) > _LARGE
        return io.BytesIO(self.body or b"") if is_large else self.body


@frozen
class NetworkOptions:
    """Say how to reach the network: a proxy, an own CA, the environment's proxies."""

    proxy: str | None = field(default=None, repr=False, validator=instance_of(str, type(None)))
    ssl_context: ssl.SSLContext | None = field(
        default=None, validator=instance_of(ssl.SSLContext, type(None))
    )
    trust_env: bool = field(default=False, validator=instance_of(bool))
