"""Exceptions of aiohttp, mapped to those of this library, which hold nothing of them."""

from __future__ import annotations

import os
import ssl
from http.client import responses

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..errors import ConfigurationError, NotSentError, RoistatError, TransportError
from . import error_mapping
from .timeouts import RequestTimeout

_REASONS: dict[type[OSError], str] = {
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    TimeoutError: "timed out",
}
_ADVICE = {
    403: "it does not allow this address",
    407: "it needs a user and password: proxy='http://user:password@host:port'",
}


def map_request_error(
    cause: Exception, url: str, request_timeout: RequestTimeout
) -> RoistatError | None:
    """Return the error of a request that got no response; None for other code's exception."""
    target = URL(url)
    address = f"{target.host}:{target.port}"
    if isinstance(cause, RuntimeError):
        return error_mapping.from_runtime_error(str(cause))
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return request_timeout.connect_error(address)
    if isinstance(cause, TimeoutError):
        return request_timeout.error(address)
    if isinstance(cause, aiohttp.ClientConnectorError):
        return _cannot_connect(cause, target)
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return _refused_by_proxy(cause.status, address)
    if not isinstance(cause, aiohttp.ClientError | HttpProcessingError | OSError):
        return None
    if request_timeout.is_unsent and not isinstance(cause, aiohttp.InvalidURL):
        # Only a proxy speaks before the request is sent.
        reason = "the connection ended before the request was sent; check the proxy"
        return error_mapping.cannot_connect(address, reason)
    return map_response_error(cause, reused_connection=request_timeout.reused_connection)


def map_response_error(cause: Exception, *, reused_connection: bool = False) -> RoistatError:
    """Return the error of a response that cannot be read."""
    if isinstance(cause, aiohttp.InvalidURL):
        return ConfigurationError("base_url or proxy is not a valid URL")
    if isinstance(cause, aiohttp.ClientResponseError | HttpProcessingError):
        return error_mapping.invalid_http()
    text = (
        "the response body is truncated or corrupt"
        if isinstance(cause, aiohttp.ClientPayloadError)
        else "connection lost before the response was complete"
    )
    return TransportError(text, reused_connection=reused_connection)


def _cannot_connect(cause: aiohttp.ClientConnectorError, target: URL) -> NotSentError:
    is_target = (cause.host, cause.port) == (target.host, target.port)
    address = f"{'' if is_target else 'the proxy '}{cause.host}:{cause.port}"
    is_permanent = isinstance(cause, aiohttp.ClientConnectorCertificateError)
    return error_mapping.cannot_connect(address, _reason(cause), permanent=is_permanent)


def _reason(cause: aiohttp.ClientConnectorError) -> str:
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "the host name cannot be resolved"
    error = cause.os_error
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        why = getattr(cause.certificate_error, "verify_message", None) or "unknown reason"
        return f"the certificate is not valid ({why}); for a CA of your own pass ssl_context"
    if isinstance(error, ssl.SSLError):
        why = (error.reason or "handshake failed").replace("_", " ").lower()
        return f"no TLS ({why}); check that https is spoken on this port"
    for kind, text in _REASONS.items():
        if isinstance(error, kind):
            return text
    return os.strerror(error.errno).lower() if error.errno else "unreachable"


def _refused_by_proxy(status: int, address: str) -> NotSentError:
    advice = _ADVICE.get(status, "it cannot reach it" if status >= 500 else "it refused")
    reason = f"the proxy answers {status} {responses.get(status, '')}: {advice}"
    return error_mapping.cannot_connect(address, reason, permanent=status < 500)
