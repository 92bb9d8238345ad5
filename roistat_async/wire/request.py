"""URL, headers and body of a request: the project is in the query, the key in a header.

`Use-Http-Code: 1` requests real status codes: without it every error has status 200
(docs/roistat-api-notes.md).
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
"""Headers of every request, unless it has its own."""
# Files are requested without gzip: a truncated stream can look complete (docs/fault-matrix.md J17).
_FILE_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}


@frozen
class ByteRange:
    """Bytes of a file from `start` up to `end`, or the last `-start` bytes.

    With an `etag`, the whole file is requested if it no longer has this ETag.
    """

    start: int
    etag: str | None = None
    end: int | None = None


def build_url(base_url: str, path: str, project: int | None) -> str:
    """Return the URL of a path; one that is about no project has no number."""
    return f"{base_url}/{path}" + ("" if project is None else f"?project={project}")


def build_headers(
    key: Secret, *, file: bool, byte_range: ByteRange | None = None
) -> dict[str, str]:
    """Return the headers added to `DEFAULT_HEADERS`. Assign them to no variable: the key is one."""
    return {**(_FILE_HEADERS if file else {}), **_range(byte_range), "Api-key": key.reveal()}


def encode_body(body: Mapping[str, Any] | None) -> bytes | None:
    """Encode a body as JSON; a path without parameters has none."""
    if body is None:
        return None
    try:
        return _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        pass  # a lone surrogate, or an object that JSON cannot represent
    raise ConfigurationError("an argument cannot be encoded as JSON")


def http_method(byte_range: ByteRange | None) -> str:
    """Return the method: ranges are defined for GET only (RFC 9110 14.2)."""
    return "POST" if byte_range is None else "GET"


def _range(byte_range: ByteRange | None) -> dict[str, str]:
    if byte_range is None:
        return {}
    start, end = byte_range.start, byte_range.end
    last = "" if end is None else end - 1
    headers = {"Range": f"bytes={start}" if start < 0 else f"bytes={start}-{last}"}
    return headers if byte_range.etag is None else headers | {"If-Range": byte_range.etag}
