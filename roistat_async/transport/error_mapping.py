"""What went wrong on the way, in our words; nothing of a foreign exception is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from ..errors import (
    MalformedResponseError,
    NotSentError,
    RedirectRefusedError,
    RequestTimeoutError,
    RoistatError,
)

E = TypeVar("E", bound=BaseException)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KNOWN_ENCODINGS = frozenset({"", "identity", "gzip"})


def strip_context(error: E) -> E:
    """Cut an exception off from where it came from.

    A traceback leads to the frames it passed, and those of a request hold the key and the body:
    reporters of errors print local variables (rule 10).
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def connect_timeout(seconds: float) -> NotSentError:
    """Say that connecting took too long."""
    return NotSentError(f"no connection within {seconds:g} s")


def response_timeout(seconds: float) -> RequestTimeoutError:
    """Say that the headers of an answer did not come."""
    return RequestTimeoutError(f"no answer within {seconds:g} s", phase="response", seconds=seconds)


def read_timeout(seconds: float) -> RequestTimeoutError:
    """Say that a body stopped coming."""
    text = f"nothing came for {seconds:g} s while the body was read"
    return RequestTimeoutError(text, phase="read", seconds=seconds)


def too_slow(size: int, seconds: float) -> RequestTimeoutError:
    """Say that a body comes too slowly to ever end."""
    text = f"only {size} bytes came in {seconds:g} s while the body was read"
    return RequestTimeoutError(text, phase="speed", seconds=seconds)


def deadline_passed(seconds: float) -> RequestTimeoutError:
    """Say that an operation took too long with all its attempts."""
    text = f"not done within the deadline of {seconds:g} s"
    return RequestTimeoutError(text, phase="deadline", seconds=seconds)


def invalid_http() -> MalformedResponseError:
    """Say that what came breaks the rules of HTTP: another protocol, two lengths."""
    return MalformedResponseError(
        "the answer is not valid HTTP", unparsable=True, invalid_http=True
    )


def too_large(cap: int) -> MalformedResponseError:
    """Say that a body is larger than an answer may be."""
    text = f"the answer is larger than {cap} bytes; ask for a smaller page or period"
    return MalformedResponseError(text, oversized=True)


def reject_headers(status: int, headers: Mapping[str, str]) -> RoistatError | None:
    """Refuse an answer by its headers: a redirect, or a compression nobody asked for."""
    if status in _REDIRECTS:
        return _redirect(status, headers.get("Location"))
    encoding = headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in _KNOWN_ENCODINGS:
        return MalformedResponseError("the answer is compressed in a way nobody asked for")
    return None


def wrong_event_loop() -> RoistatError:
    """Say that a client was carried to another event loop."""
    return RoistatError(
        "this client belongs to another event loop; open one in each: "
        "`async with Roistat(...)` inside the coroutine that asyncio.run() starts"
    )


def client_closed() -> RoistatError:
    """Say that a client was used after its end."""
    return RoistatError("the client is closed; use it inside its `async with`, or open it again")


def from_runtime_error(text: str) -> RoistatError | None:
    """Read aiohttp's RuntimeErrors about what is closed already; None for any other."""
    if "loop" in text:
        return wrong_event_loop()
    if "closed" in text:
        return RoistatError("the session is closed; open the client anew with `async with`")
    return None


def _redirect(status: int, location: str | None) -> RedirectRefusedError:
    # The host only: a path may hold anything.
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    place = host or ("another path" if location else "nowhere")
    return RedirectRefusedError(
        f"the answer redirects ({status}) to {place}; it was not followed, "
        "for the key would go along. Check base_url",
        http_status=status,
        host=host,
    )
