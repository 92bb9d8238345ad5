"""Interrupted downloads: this library compared with curl, wget and aria2.

Run as `python -m benchmarks.resume_and_truncation`. A server on this machine interrupts a recording
in twelve ways. Each program is started up to three times on one file, with its option to resume
(-C - or -c), until it reports success; the library is called once, with three attempts. A result is
right if it is the complete current file, or an error and nothing under the file's name.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import platform
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from attrs import frozen

from roistat_async import RetryPolicy, Roistat, errors
from roistat_async.testing import mp3

OURS = "roistat_async"
PROGRAMS = {
    "curl": ["curl", "-sf", "-C", "-", "-o", "one.mp3"],
    "wget": ["wget", "-q", "-c", "--tries=1", "-O", "one.mp3"],
    "aria2": ["aria2c", "-q", "-c", "--max-tries=1", "--file-allocation=none", "-o", "one.mp3"],
}
URL = "http://127.0.0.1:{port}/api/v1"
PATH = "project/calltracking/call/7/file?project=1"
RUNS = 3

OLD, NEW = mp3.recording("7", 60), mp3.recording("9", 60)
HALF = len(OLD) // 2 + 31  # not between two frames
OLD_ETAG, NEW_ETAG = 'ETag: "one"', 'ETag: "two"'

Headers = dict[str, str]
Responder = Callable[[Headers], bytes]
"""Function from the headers of a request, in lower case, to the response."""


@frozen
class Case:
    """First and later responses of a server, and the file that must result, None for an error."""

    name: str
    first: Responder
    then: Responder
    expected: bytes | None
    resets: bool = False


def full(body: bytes, *headers: str, at: int | None = None, status: str = "200 OK") -> Responder:
    """Announce a whole body and send it up to `at`, whatever was requested."""
    lines = [f"Content-Length: {len(body)}", *headers]
    return lambda _: _head(status, *lines) + body[:at]


def ranged(body: bytes, *etag: str) -> Responder:
    """Respond as RFC 9110 requires: with the range of the same file, or with all of it."""

    def respond(request: Headers) -> bytes:
        start = int(request.get("range", "bytes=0-")[6:].split("-")[0])
        condition = request.get("if-range")
        is_same = condition is None or f"ETag: {condition}" in etag
        if "range" not in request or not is_same:
            return full(body, *etag)(request)
        if start >= len(body):
            size = f"Content-Range: bytes */{len(body)}"
            return full(b"", size, *etag, status="416 Range Not Satisfiable")(request)
        content_range = f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}"
        return full(body[start:], content_range, *etag, status="206 Partial Content")(request)

    return respond


def unframed(body: bytes, *headers: str) -> Responder:
    """Send a body with these headers and no length."""
    return lambda _: _head("200 OK", *headers) + body


def chunks(body: bytes, *headers: str, announced: int | None = None) -> Responder:
    """Send one chunk and never the last one."""
    data = f"{announced or len(body):x}\r\n".encode() + body + (b"" if announced else b"\r\n")
    return unframed(data, "Transfer-Encoding: chunked", *headers)


def always(name: str, respond: Responder, *, resets: bool = False) -> Case:
    """Return a case that is interrupted the same way each time, so that no file can result."""
    return Case(name, respond, respond, None, resets)


_ZIPPED = gzip.compress(OLD)[:-99]
CASES = {
    "resume": [
        Case("the same file", full(OLD, OLD_ETAG, at=HALF), ranged(OLD, OLD_ETAG), OLD),
        Case("the file changed", full(OLD, OLD_ETAG, at=HALF), ranged(NEW, NEW_ETAG), NEW),
        Case("the server ignores ranges", full(OLD, OLD_ETAG, at=HALF), full(OLD, OLD_ETAG), OLD),
        Case("changed, and no validator", full(OLD, at=HALF), ranged(NEW), NEW),
        Case("nothing left (416)", chunks(OLD, OLD_ETAG), ranged(OLD, OLD_ETAG), OLD),
    ],
    "truncation": [
        always("length, FIN", full(OLD, at=HALF)),
        always("length, RST", full(OLD, at=HALF), resets=True),
        always("inside a chunk", chunks(OLD[:HALF], announced=len(OLD))),
        always("between two chunks", chunks(OLD[:HALF])),
        always("no length, FIN", unframed(OLD[:HALF])),
        always("all bytes sent, last frame cut", full(OLD[:HALF])),
        always("labelled gzip, and cut", full(_ZIPPED, "Content-Encoding: gzip")),
    ],
}


def _head(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: audio/mpeg", "Accept-Ranges: bytes"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode()


@asynccontextmanager
async def serving(case: Case) -> AsyncIterator[str]:
    """Serve a case and yield the base URL."""
    first = [case.first]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        writer.write((first.pop() if first else case.then)(headers))
        await writer.drain()
        if case.resets:
            await _reset(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL.format(port=server.sockets[0].getsockname()[1])


async def _reset(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.05)  # a reset discards what the client has not read yet
    if writer.is_closing():
        return  # the client was faster
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def by_library(base_url: str, folder: Path) -> bool:
    """Download with the library; return whether it reports success."""
    retry = RetryPolicy(max_download_attempts=RUNS, base_delay=0.01, max_delay=0.01)
    async with Roistat("0" * 32, 1, base_url=base_url, retry=retry) as roistat:
        try:
            await roistat.calls.download_recording(7, to=folder / "one.mp3")
        except errors.RoistatError:
            return False
        return True


def by_program(command: Sequence[str]) -> Callable[[str, Path], Awaitable[bool]]:
    """Return a function that starts a program again as long as it reports a failure."""

    async def run(base_url: str, folder: Path) -> bool:
        for _ in range(RUNS):
            process = await asyncio.create_subprocess_exec(
                *command, f"{base_url}/{PATH}", cwd=folder, stdout=asyncio.subprocess.DEVNULL
            )
            if await process.wait() == 0:
                return True
        return False

    return run


def verdict(case: Case, is_success: bool, target: Path) -> str:
    """Return how the result compares with the expected one."""
    saved = target.read_bytes() if target.exists() else None
    if is_success and saved == case.expected and saved is not None:
        return "right"
    if is_success:
        saved = saved or b""
        is_splice = saved.startswith(OLD[:1000]) and saved.endswith(NEW[-1000:])
        return "WRONG: splice" if is_splice else "WRONG: reported as complete"
    if case.expected is not None:
        return "failed" if saved != case.expected else "complete, but reported as failed"
    return "right" if saved is None else "error, half a file left"


async def table(names: Sequence[str]) -> list[str]:
    """Run every case with every program; return the lines of a Markdown table."""
    programs = {name: by_program(PROGRAMS[name]) for name in names}
    every = {OURS: by_library, **programs}
    lines = [f"| | {' | '.join(every)} |", f"|---|{'---|' * len(every)}"]
    for kind, cases in CASES.items():
        right, noticed = dict.fromkeys(every, 0), dict.fromkeys(every, 0)
        for case in cases:
            results = {name: await _run_case(case, run) for name, run in every.items()}
            lines.append(f"| {kind}: {case.name} | {' | '.join(results.values())} |")
            for name, result in results.items():
                right[name] += result == "right"
                noticed[name] += not result.startswith("WRONG")
        lines.append(f"| **{kind}, right** | {_sums(right, len(cases))} |")
        if kind == "truncation":
            lines.append(f"| **truncation, noticed** | {_sums(noticed, len(cases))} |")
    return lines


def _sums(counts: dict[str, int], total: int) -> str:
    return " | ".join(f"**{count} of {total}**" for count in counts.values())


async def _run_case(case: Case, run: Callable[[str, Path], Awaitable[bool]]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with serving(case) as base_url, asyncio.timeout(60):
            is_success = await run(base_url, Path(folder))
        return verdict(case, is_success, Path(folder) / "one.mp3")


def program_version(name: str) -> str:
    """Return the first words that a program prints about its version."""
    done = subprocess.run([PROGRAMS[name][0], "--version"], capture_output=True, text=True)
    return " ".join(done.stdout.splitlines()[0].split()[:3])


def main() -> None:
    """Print versions and results."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    installed = [name for name, command in PROGRAMS.items() if shutil.which(command[0])]
    for name in PROGRAMS.keys() - set(installed):
        print(f"{name} is not installed and not measured")
    own = [f"{OURS} {version(OURS)}", f"Python {platform.python_version()}"]
    aiohttp = f"aiohttp {version('aiohttp')}"
    print(", ".join([*own, aiohttp, *map(program_version, installed)]))
    print()
    print("\n".join(asyncio.run(table(installed))))


if __name__ == "__main__":
    main()
