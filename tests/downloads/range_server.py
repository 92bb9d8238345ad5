"""Responses of a server that knows ETag and Range, and a download from them."""

from __future__ import annotations

from pathlib import Path

from roistat_async import errors
from roistat_async.models.downloads import Download
from roistat_async.testing import mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, per_connection

AUDIO = mp3.recording("7", 60)
OTHER_AUDIO = mp3.recording("9", 60)  # of the same size
TOTAL = len(AUDIO)
RECEIVED = 100_000
"""Bytes of a body that arrive before it breaks off."""
ETAG = 'ETag: "one"'
OTHER_ETAG = 'ETag: "two"'


def sends(data: bytes) -> Handler:
    """Read a request, send these bytes and close the connection."""

    async def handler(connection: Connection) -> None:
        await connection.request()
        await connection.send(data)

    return handler


def whole(*headers: str, body: bytes = AUDIO) -> Handler:
    """Send a whole body, whatever was requested."""
    return sends(answer(body, *headers, kind="audio/mpeg"))


def cut(*headers: str, body: bytes = AUDIO, size: int = RECEIVED) -> Handler:
    """Announce a whole body and send only its first bytes."""
    response = answer(body, *headers, kind="audio/mpeg")
    return sends(response[: len(response) - len(body) + size])


def partial(
    *headers: str,
    body: bytes = AUDIO,
    start: int = RECEIVED,
    content_range: str | None = f"bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}",
    kind: str = "audio/mpeg",
) -> Handler:
    """Send status 206 with the bytes from `start` on."""
    given = [] if content_range is None else [f"Content-Range: {content_range}"]
    status = "206 Partial Content"
    return sends(answer(body[start:], *given, *headers, status=status, kind=kind))


def unsatisfied(content_range: str, *headers: str) -> Handler:
    """Send status 416."""
    given = f"Content-Range: {content_range}"
    return sends(answer(b"no", given, *headers, status="416 Range Not Satisfiable", kind=""))


def header(request: bytes, name: str) -> str | None:
    """Return a header of a request."""
    for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key == name:
            return value
    return None


def ranges_of(requests: list[bytes]) -> list[str | None]:
    """Return the Range header of each request."""
    return [header(request, "Range") for request in requests]


async def download(
    folder: Path, *handlers: Handler, attempts: int = 3, **options: object
) -> tuple[Download, list[bytes]]:
    """Download `a.mp3` from a server with one handler for each connection; return its requests."""
    async with RawServer(per_connection(*handlers)) as server:
        async with client(server.base_url, attempts=attempts) as roistat:
            saved = await roistat.calls.download_recording(7, to=folder / "a.mp3", **options)  # type: ignore[arg-type]
        await server.emptied()
    return saved, server.requests


async def failing_download(
    folder: Path, *handlers: Handler, attempts: int = 3
) -> tuple[errors.RoistatError, list[bytes]]:
    """Return the error of a download that fails, and the requests of the server."""
    async with RawServer(per_connection(*handlers)) as server:
        async with client(server.base_url, attempts=attempts) as roistat:
            try:
                await roistat.calls.download_recording(7, to=folder / "a.mp3")
            except errors.RoistatError as error:
                failure = error
            else:
                raise AssertionError("the download succeeded")
        await server.emptied()
    return failure, server.requests
