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
    """Say by which connection a request goes."""

    KEPT = "one that other reads used, for a read: what it loses can be asked for again"
    FRESH = "one that nobody used before: a stale one may lose the answer, or bring another's"
    HANDED_ON = "one on which another recording just ended, if nothing else came on it"


@define(eq=False)
class Request:
    """Be one request. `headers` makes its own at the last moment, for they hold the key."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    method: str = "POST"
    via: ConnectionMode = ConnectionMode.KEPT
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
