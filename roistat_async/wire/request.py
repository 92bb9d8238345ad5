"""How a request is addressed and signed: the project in the query, the key in a header.

`Use-Http-Code: 1` asks for real status codes; without it every error is a 200 (facts §1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen

from ..config import Secret
from ..errors import ConfigurationError

_encode = msgspec.json.Encoder().encode
DEFAULT_HEADERS = {
    "Use-Http-Code": "1",
    "Content-Type": "application/json",
    # The default would name the versions of Python and aiohttp.
    "User-Agent": "roistat_async",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}
"""What every request has that does not say otherwise."""
# A file must come as it is: a cut gzip stream can look whole (fault matrix J17).
_FILE_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}


@frozen
class ByteRange:
    """Ask for the bytes of a file from `start` on; all of it where `etag` is no longer its."""

    start: int
    etag: str


def build_url(base_url: str, path: str, project: int) -> str:
    """Give the address of a path of the vendor's page."""
    return f"{base_url}/{path}?project={project}"


def build_headers(key: Secret, *, file: bool, rest: ByteRange | None = None) -> dict[str, str]:
    """Give what a request has beside `COMMON`, the key among it: keep it in no variable."""
    return {**(_FILE_HEADERS if file else {}), **_range(rest), "Api-key": key.reveal()}


def encode_body(body: Mapping[str, Any] | None) -> bytes | None:
    """Spell a body as JSON; a path without parameters has none."""
    if body is None:
        return None
    try:
        return _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        pass  # a lone surrogate, an object that JSON has no word for
    raise ConfigurationError("an argument cannot be spelled as JSON")


def http_method(rest: ByteRange | None) -> str:
    """Give the method: a range means something to GET only (RFC 9110 14.2)."""
    return "POST" if rest is None else "GET"


def _range(rest: ByteRange | None) -> dict[str, str]:
    if rest is None:
        return {}
    return {"Range": f"bytes={rest.start}-", "If-Range": rest.etag}
