"""Errors of the transport in the library's own words; they hold nothing of a foreign exception."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import (
    MalformedResponseError,
    NotSentError,
    RateLimitError,
    RedirectRefusedError,
    RequestTimeoutError,
    ResponseError,
    RoistatError,
    TransportError,
)
from ..hooks import WaitReason
from .interface import Response

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PROXY_AUTHENTICATION = 407
# All but gzip stand for no compression: some servers put a charset or a MIME encoding there.
_ENCODINGS = frozenset(["", "identity", "none", "utf-8", "binary", "7bit", "8bit", "gzip"])


def queue_timeout(seconds: float) -> NotSentError:
    """Return the error of a request that waited too long behind others, or for the limits."""
    text = f"not sent within {seconds:g} s, behind other requests; see Limits.queue_timeout"
    return NotSentError(text, permanent=True)


def cannot_connect(address: str, reason: str, *, permanent: bool = False) -> NotSentError:
    """Return the error of a connection that cannot be opened."""
    return NotSentError(f"cannot connect to {address}: {reason}", permanent=permanent)


def connect_timeout(address: str, seconds: float, *, borrowed: bool) -> NotSentError:
    """Return the error of a connection that took too long."""
    text = f"no connection within {seconds:g} s; see Timeouts.connect"
    hint = ", and the limit of your session's connector" if borrowed else ""
    return cannot_connect(address, text + hint)


def response_timeout(seconds: float) -> RequestTimeoutError:
    """Return the error of response headers that did not arrive."""
    text = f"no response within {seconds:g} s; see Timeouts.response"
    return RequestTimeoutError(text, phase="response", seconds=seconds)


def read_timeout(seconds: float) -> RequestTimeoutError:
    """Return the error of a body that stopped arriving."""
    text = f"no bytes of the response body for {seconds:g} s; see Timeouts.read"
    return RequestTimeoutError(text, phase="read", seconds=seconds)


def too_slow(size: int, seconds: float) -> RequestTimeoutError:
    """Return the error of a body below the minimum speed."""
    text = f"the response body is too slow: only {size} bytes in {seconds:g} s"
    return RequestTimeoutError(text, phase="speed", seconds=seconds)


def deadline_passed(seconds: float) -> RequestTimeoutError:
    """Return the error of an operation that took too long with all its attempts."""
    text = f"not complete within the deadline of {seconds:g} s; see RetryPolicy.deadline"
    return RequestTimeoutError(text, phase="deadline", seconds=seconds)


def limit_used_up(reason: WaitReason, seconds: float) -> RateLimitError:
    """Return the error of a request that would wait longer than its deadline."""
    cause = {
        "hour": "the limit of requests an hour is used up",
        "refused": "Roistat asked for a pause",
    }
    text = (
        f"{cause[reason]}: no request for {seconds:.0f} s, which is beyond RetryPolicy.deadline; "
        'try again then, or wait with Limits(when_exhausted="wait")'
    )
    return RateLimitError("local_limit", retry_after=seconds, message=text)


def invalid_http() -> MalformedResponseError:
    """Return the error of a response that breaks the rules of HTTP."""
    text = "the response is not valid HTTP; check base_url"
    return MalformedResponseError(text, unparsable=True, invalid_http=True)


def too_large(max_size: int) -> MalformedResponseError:
    """Return the error of a body that is larger than the limit."""
    text = f"the response is larger than {max_size} bytes; request a smaller page or period"
    return MalformedResponseError(text, oversized=True)


def check_headers(response: Response) -> None:
    """Raise the error of a redirect, of a proxy's refusal, or of an unknown Content-Encoding."""
    if response.status in _REDIRECTS:
        raise _redirect(response.status, response.header("Location"))
    if response.status == _PROXY_AUTHENTICATION:
        raise ResponseError(
            "the proxy refused the request (407): it needs a user and password, "
            "proxy='http://user:password@host:port'"
        )
    encoding = response.header("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in _ENCODINGS:
        raise MalformedResponseError("the response has a Content-Encoding that was not requested")


def wrong_event_loop() -> RoistatError:
    """Return the error of a client that is used in a second event loop while the first runs."""
    return RoistatError(
        "this client belongs to another event loop; open one in each: "
        "`async with Roistat(...)` inside the coroutine that asyncio.run() starts"
    )


def client_closed() -> RoistatError:
    """Return the error of a client that is used after it was closed."""
    return RoistatError("the client is closed; use it inside its `async with`, or open it again")


def from_runtime_error(text: str) -> RoistatError | None:
    """Return our exception for a RuntimeError of aiohttp about closed things, or None."""
    if "loop" in text:
        return wrong_event_loop()
    if "closed" in text:
        return RoistatError("the session is closed; pass an open aiohttp.ClientSession")
    return None


def session_failed(cause: Exception) -> TransportError:
    """Return the error of a borrowed session whose own code raised an exception."""
    return TransportError(
        f"the aiohttp session raised {type(cause).__name__}; check its trace hooks and connector"
    )


def _redirect(status: int, location: str | None) -> RedirectRefusedError:
    # Only the host, because a path may hold anything.
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    target = host or ("another path" if location else "an unknown address")
    return RedirectRefusedError(
        f"the response redirects ({status}) to {target}; redirects are not followed, because the "
        "API key would be sent along. Check base_url",
        http_status=status,
        host=host,
    )
