"""Responses of a server that knows ETag and Range, and a download from them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Body, Hooks, Timeouts, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import mp3
from tests.helpers.clients import PATIENT, client
from tests.helpers.fault_server import End, sends
from tests.helpers.raw_server import Handler, RawServer, answer, per_connection

AUDIO = mp3.recording("7", 60)
OTHER_AUDIO = mp3.recording("9", 60)  # of the same size
TOTAL = len(AUDIO)
WITH_XING = AUDIO[:21] + b"Xing\0\0\0\x02" + len(AUDIO).to_bytes(4, "big") + AUDIO[33:]
RECEIVED = 100_000
"""Bytes of a body that arrive before it breaks off."""
ETAG, OTHER_ETAG = 'ETag: "one"', 'ETag: "two"'
REST = f"Content-Range: bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}"
CHUNKED = "Transfer-Encoding: chunked"
LAST_CHUNK = b"0\r\n\r\n"


def audio(body: bytes, *headers: str, **options: Any) -> bytes:
    """Return a response that is labelled as audio."""
    return answer(body, *headers, **{"kind": "audio/mpeg", **options})


def chunk(data: bytes, announced: int | None = None) -> bytes:
    """Return a chunk of a body, or the beginning of one that announces more bytes."""
    return f"{announced or len(data):x}\r\n".encode() + data + (b"" if announced else b"\r\n")


def chunked(data: bytes, *headers: str, end: bytes = LAST_CHUNK, **options: Any) -> Handler:
    """Send these bytes in one chunk, and the end of the body."""
    return sends(audio(b"", *headers, framing=CHUNKED, **options) + chunk(data) + end)


def whole(*headers: str, body: bytes = AUDIO) -> Handler:
    """Send a whole body, whatever was requested."""
    return sends(audio(body, *headers))


def cut(*headers: str, body: bytes = AUDIO, size: int = RECEIVED, end: End = "close") -> Handler:
    """Announce a whole body, send only its first bytes, and close or fall silent."""
    response = audio(body, *headers)
    return sends(response[: len(response) - len(body) + size], end=end)


def partial(
    *headers: str,
    body: bytes = AUDIO,
    start: int = RECEIVED,
    content_range: str | None = REST.removeprefix("Content-Range: "),
    kind: str = "audio/mpeg",
) -> Handler:
    """Send status 206 with the bytes from `start` on."""
    given = [] if content_range is None else [f"Content-Range: {content_range}"]
    return sends(audio(body[start:], *given, *headers, status="206 Partial Content", kind=kind))


def unsatisfied(content_range: str, *headers: str) -> Handler:
    """Send status 416."""
    given = f"Content-Range: {content_range}"
    return sends(answer(b"no", given, *headers, status="416 Range Not Satisfiable", kind=""))


def header(request: bytes, name: str) -> str | None:
    """Return a header of a request."""
    head = request.partition(b"\r\n\r\n")[0].decode()
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:]).get(name)


def ranges_of(requests: list[bytes]) -> list[str | None]:
    """Return the Range header of each request."""
    return [header(request, "Range") for request in requests]


async def read(body: Body) -> bytes:
    """Return all bytes of a body."""
    return b"".join([chunk async for chunk in body])


def check(saved: Download, body: bytes, *, resumed: bool = False) -> None:
    """Check that a download saved exactly this file, and left nothing beside it."""
    assert saved.path.read_bytes() == body
    assert (saved.size, saved.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert saved.resumed is resumed
    assert os.listdir(saved.path.parent) == [saved.path.name]


async def download(
    folder: Path,
    *handlers: Handler,
    name: str = "a.mp3",
    attempts: int = 3,
    timeouts: Timeouts = PATIENT,
    hooks: Hooks | None = None,
    requests: list[bytes] | None = None,
    **options: Any,
) -> tuple[Download, list[bytes]]:
    """Download a file from a server with one handler for each connection; return its requests."""
    settings: dict[str, Any] = {"attempts": attempts, "timeouts": timeouts, "hooks": hooks}
    async with RawServer(per_connection(*handlers)) as server:
        server.requests = [] if requests is None else requests
        try:
            async with client(server.base_url, **settings) as roistat:
                saved = await roistat.calls.download_recording(7, to=folder / name, **options)
        finally:
            await server.emptied()
    return saved, server.requests


async def failing_download(
    folder: Path, *handlers: Handler, **options: Any
) -> tuple[errors.RoistatError, list[bytes]]:
    """Return the error of a download that fails, and the requests of the server."""
    requests: list[bytes] = []
    with pytest.raises(errors.RoistatError) as caught:
        await download(folder, *handlers, requests=requests, **options)
    return caught.value, requests
