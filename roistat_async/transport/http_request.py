"""HTTP request as the transport gets it, and the options of the network."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import define, field, frozen

from ..validation import instance_of


class ConnectionMode(Enum):
    """Which connection a request uses."""

    POOLED = "one that earlier reads may have used: a read that it loses is retried"
    FRESH = "a new one: a used one may lose the response, or carry that of another request"


@define(eq=False)
class Request:
    """One HTTP request. `headers` makes them when it is sent, because they hold the API key."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    method: str = "POST"
    connection_mode: ConnectionMode = ConnectionMode.POOLED
    total_timeout: float | None = None
    """Seconds until the whole body must have arrived; None if only its speed is limited.

    They are what is left of the deadline of the operation, not the limit of one wait: the limits
    of the phases are `Timeouts`.
    """
    deadline_seconds: float = 0.0
    """Deadline of the operation, of which `total_timeout` is the rest; for error messages."""


@frozen
class NetworkOptions:
    """How to reach the network: a proxy, a certificate authority, the environment's proxies."""

    proxy: str | None = field(default=None, repr=False, validator=instance_of(str, type(None)))
    ssl_context: ssl.SSLContext | None = field(
        default=None, validator=instance_of(ssl.SSLContext, type(None))
    )
    trust_env: bool = field(default=False, validator=instance_of(bool))
