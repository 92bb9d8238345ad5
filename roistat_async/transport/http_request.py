"""HTTP request as the transport gets it, and the options of the network."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import define, evolve, field, frozen

from ..errors import ConfigurationError
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


def _validate_proxy(_: Any, __: Any, value: Any) -> None:
    # aiohttp would ignore an invalid one and send the requests around it.
    if value is not None and not (isinstance(value, str) and _is_proxy(value)):
        raise ConfigurationError(
            "proxy must be a str such as 'http://user:password@proxy.example:8080'; for SOCKS pass "
            "a session with a connector of its own, e.g. that of aiohttp_socks"
        )


def _is_proxy(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  # reading the port validates it
    except ValueError:
        return False
    is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_address and not parts.path.strip("/") and not re.search(r"\s", value)


def _environment_proxy(host: str) -> str | None:
    """Return the proxy that the environment names for a host; raise ConfigurationError if invalid.

    aiohttp would ignore a proxy that is reached by TLS, and speak HTTP to one of SOCKS.
    """
    proxies = getproxies()
    value = proxies.get("https") or proxies.get("all")
    if not value or proxy_bypass(host):
        return None
    proxy = value if "://" in value else f"http://{value}"
    if not _is_proxy(proxy):
        raise ConfigurationError(
            "HTTPS_PROXY must be an address such as http://user:password@proxy.example:8080; "
            f"correct it, or go without a proxy by NO_PROXY={host}"
        )
    return proxy


def _validate_ssl_context(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, ssl.SSLContext):
        return
    if value.verify_mode is ssl.CERT_NONE or not value.check_hostname:
        raise ConfigurationError(
            "ssl_context must check certificates and host names, because the API key is sent; "
            "trust a CA of your own by ssl.create_default_context(cafile=...)"
        )


@frozen
class NetworkOptions:
    """How to reach the network: a proxy, a certificate authority, the environment's proxies."""

    proxy: str | None = field(default=None, repr=False, validator=_validate_proxy)
    ssl_context: ssl.SSLContext | None = field(
        default=None,
        validator=[instance_of(ssl.SSLContext, type(None)), _validate_ssl_context],
    )
    trust_env: bool = field(default=False, validator=instance_of(bool))

    def for_url(self, url: str) -> NetworkOptions:
        """Return these options with the proxy that the environment names for a URL."""
        parts = urlsplit(url)
        # Plain http is for this machine: a proxy elsewhere would see the key.
        if self.proxy is not None or not self.trust_env or parts.scheme != "https":
            return self
        return evolve(self, proxy=_environment_proxy(parts.hostname or ""))
