"""Answers of a server that knows versions and ranges, and what a client asked of it."""

from __future__ import annotations

from pathlib import Path

from roistat_async import Roistat
from roistat_async.models.downloads import Download
from roistat_async.testing import mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Script, Wire, answer, in_turn

AUDIO = mp3.recording("7", 60)
CHANGED = mp3.recording("9", 60)  # as long as the other
TOTAL = len(AUDIO)
HAVE = 100_000
"""Bytes of the body that come before it is cut."""
ETAG = 'ETag: "one"'
OTHER = 'ETag: "two"'


def sends(data: bytes) -> Script:
    """Read a request, send these bytes and close."""

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(data)

    return script


def cut(*headers: str, body: bytes = AUDIO, at: int = HAVE) -> Script:
    """Promise a body and send so many bytes of it."""
    whole = answer(body, *headers, kind="audio/mpeg")
    return sends(whole[: len(whole) - len(body) + at])


def full(*headers: str, body: bytes = AUDIO) -> Script:
    """Send all of a body, whatever was asked."""
    return sends(answer(body, *headers, kind="audio/mpeg"))


def part(
    *headers: str,
    body: bytes = AUDIO,
    start: int = HAVE,
    said: str | None = f"bytes {HAVE}-{TOTAL - 1}/{TOTAL}",
    kind: str = "audio/mpeg",
) -> Script:
    """Answer 206 with what stands from `start` on; `said` is its Content-Range."""
    given = [] if said is None else [f"Content-Range: {said}"]
    return sends(answer(body[start:], *given, *headers, status="206 Partial Content", kind=kind))


def no_part(said: str, *headers: str) -> Script:
    """Answer 416."""
    line = f"Content-Range: {said}"
    return sends(answer(b"no", line, *headers, status="416 Range Not Satisfiable", kind=""))


def range_of(request: bytes) -> str | None:
    """Give the Range header of a request."""
    return header(request, "Range")


def header(request: bytes, name: str) -> str | None:
    """Give a header of a request."""
    for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        found, _, value = line.partition(": ")
        if found == name:
            return value
    return None


async def saved(
    folder: Path, *scripts: Script, attempts: int = 3, **options: object
) -> tuple[Download | BaseException, list[bytes]]:
    """Download from a server of these scripts, one for each connection; give its requests too."""
    async with RawServer(in_turn(*scripts)) as server:
        async with client(server.base_url, attempts=attempts) as roistat:
            found = await _tried(roistat, folder / "a.mp3", **options)
        await server.emptied()
    return found, server.requests


async def _tried(roistat: Roistat, target: Path, **options: object) -> Download | BaseException:
    try:
        return await roistat.calls.download_recording(7, to=target, **options)  # type: ignore[arg-type]
    except Exception as error:
        return error
