"""What is sent, and how the network is reached."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

from attrs import field, frozen

from ..config import is_a


@frozen
class Request:
    """Be one request. `headers` makes them at the last moment, for they hold the key."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    method: str = "POST"
    is_fresh: bool = False
    """Whether a connection that nobody used before is needed: a stale one may lose the answer."""
    within: float | None = None
    """The seconds until the body must be there; None where only its speed is bounded."""
    deadline: float = 0.0
    """The seconds that `within` is what is left of, for the message."""


@frozen
class Connecting:
    """Say how to reach the network: a proxy, an own CA, the environment's proxies."""

    proxy: str | None = field(default=None, repr=False, validator=is_a(str, type(None)))
    ssl_context: ssl.SSLContext | None = field(
        default=None, validator=is_a(ssl.SSLContext, type(None))
    )
    trust_env: bool = field(default=False, validator=is_a(bool))
