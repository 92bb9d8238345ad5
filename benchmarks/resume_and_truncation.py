"""What becomes of a download that is cut: this library beside curl, wget and aria2.

Run as `python -m benchmarks.resume_and_truncation`. A server on this machine cuts a recording in
twelve ways. Each program is started up to three times on one file, told to go on with what is there
(-C - or -c), until it says that it is done; the library is called once, with three attempts. Right
is: all bytes of the file as the server has it now, or an error and nothing under the file's name.
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
ONE, TWO = 'ETag: "one"', 'ETag: "two"'

Asked = dict[str, str]
Answer = Callable[[Asked], bytes]


@frozen
class Case:
    """Be what a server does first and afterwards, and the file that must come of it, if any."""

    name: str
    first: Answer
    then: Answer
    wanted: bytes | None
    resets: bool = False


def full(body: bytes, *headers: str, at: int | None = None, status: str = "200 OK") -> Answer:
    """Promise all of a body and send it up to `at`, whatever was asked."""
    lines = [f"Content-Length: {len(body)}", *headers]
    return lambda _: _head(status, *lines) + body[:at]


def ranged(body: bytes, *etag: str) -> Answer:
    """Answer as RFC 9110 says: a part of this very file, or all of it."""

    def answer(asked: Asked) -> bytes:
        start = int(asked.get("range", "bytes=0-")[6:].split("-")[0])
        condition = asked.get("if-range")
        is_same = condition is None or f"ETag: {condition}" in etag
        if "range" not in asked or not is_same:
            return full(body, *etag)(asked)
        if start >= len(body):
            size = f"Content-Range: bytes */{len(body)}"
            return full(b"", size, *etag, status="416 Range Not Satisfiable")(asked)
        part = f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}"
        return full(body[start:], part, *etag, status="206 Partial Content")(asked)

    return answer


def bare(body: bytes, *headers: str) -> Answer:
    """Send a body with these headers and no length."""
    return lambda _: _head("200 OK", *headers) + body


def chunks(body: bytes, *headers: str, said: int | None = None) -> Answer:
    """Send one chunk and never the last one."""
    data = f"{said or len(body):x}\r\n".encode() + body + (b"" if said else b"\r\n")
    return bare(data, "Transfer-Encoding: chunked", *headers)


def always(name: str, answer: Answer, *, resets: bool = False) -> Case:
    """Cut it the same way each time: no file can come of it."""
    return Case(name, answer, answer, None, resets)


_ZIPPED = gzip.compress(OLD)[:-99]
CASES = {
    "resume": [
        Case("the same file", full(OLD, ONE, at=HALF), ranged(OLD, ONE), OLD),
        Case("the file changed", full(OLD, ONE, at=HALF), ranged(NEW, TWO), NEW),
        Case("the server knows no ranges", full(OLD, ONE, at=HALF), full(OLD, ONE), OLD),
        Case("changed, and no validator", full(OLD, at=HALF), ranged(NEW), NEW),
        Case("nothing left (416)", chunks(OLD, ONE), ranged(OLD, ONE), OLD),
    ],
    "truncation": [
        always("length, FIN", full(OLD, at=HALF)),
        always("length, RST", full(OLD, at=HALF), resets=True),
        always("inside a chunk", chunks(OLD[:HALF], said=len(OLD))),
        always("between two chunks", chunks(OLD[:HALF])),
        always("no length, FIN", bare(OLD[:HALF])),
        always("all bytes sent, last frame cut", full(OLD[:HALF])),
        always("labelled gzip, and cut", full(_ZIPPED, "Content-Encoding: gzip")),
    ],
}


def _head(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: audio/mpeg", "Accept-Ranges: bytes"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode()


@asynccontextmanager
async def serving(case: Case) -> AsyncIterator[str]:
    """Serve a case; gives the base URL."""
    answers = [case.first]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        asked = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        writer.write((answers.pop() if answers else case.then)(asked))
        await writer.drain()
        if case.resets:
            await _reset(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL.format(port=server.sockets[0].getsockname()[1])


async def _reset(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.05)  # a reset throws away what the other side has not read yet
    if writer.is_closing():
        return  # the other side was quicker
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def by_library(base_url: str, folder: Path) -> bool:
    """Tell whether the library says that the file is there."""
    patient = RetryPolicy(max_download_attempts=RUNS, base_delay=0.01, max_delay=0.01)
    async with Roistat("0" * 32, 1, base_url=base_url, retry=patient) as roistat:
        try:
            await roistat.calls.download_recording(7, to=folder / "one.mp3")
        except errors.RoistatError:
            return False
        return True


def by_program(command: Sequence[str]) -> Callable[[str, Path], Awaitable[bool]]:
    """Give a way that starts a program again as long as it says that it failed."""

    async def run(base_url: str, folder: Path) -> bool:
        for _ in range(RUNS):
            started = await asyncio.create_subprocess_exec(
                *command, f"{base_url}/{PATH}", cwd=folder, stdout=asyncio.subprocess.DEVNULL
            )
            if await started.wait() == 0:
                return True
        return False

    return run


def judged(case: Case, is_done: bool, target: Path) -> str:
    """Say what came of it."""
    found = target.read_bytes() if target.exists() else None
    if is_done and found == case.wanted and found is not None:
        return "right"
    if is_done:
        found = found or b""
        is_splice = found.startswith(OLD[:1000]) and found.endswith(NEW[-1000:])
        return "WRONG: splice" if is_splice else "WRONG: taken for whole"
    if case.wanted is not None:
        return "gave up" if found != case.wanted else "whole, but said to have failed"
    return "right" if found is None else "told, half a file"


async def table(names: Sequence[str]) -> list[str]:
    """Run every case with every way and give the lines of a table in Markdown."""
    ways = {name: by_program(PROGRAMS[name]) for name in names}
    every = {OURS: by_library, **ways}
    lines = [f"| | {' | '.join(every)} |", f"|---|{'---|' * len(every)}"]
    for kind, cases in CASES.items():
        right, told_of = dict.fromkeys(every, 0), dict.fromkeys(every, 0)
        for case in cases:
            told = {name: await _one(case, way) for name, way in every.items()}
            lines.append(f"| {kind}: {case.name} | {' | '.join(told.values())} |")
            for name, word in told.items():
                right[name] += word == "right"
                told_of[name] += not word.startswith("WRONG")
        lines.append(f"| **{kind}, right** | {_sums(right, len(cases))} |")
        if kind == "truncation":
            lines.append(f"| **truncation, told** | {_sums(told_of, len(cases))} |")
    return lines


def _sums(counts: dict[str, int], of: int) -> str:
    return " | ".join(f"**{count} of {of}**" for count in counts.values())


async def _one(case: Case, way: Callable[[str, Path], Awaitable[bool]]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with serving(case) as base_url, asyncio.timeout(60):
            is_done = await way(base_url, Path(folder))
        return judged(case, is_done, Path(folder) / "one.mp3")


def about(name: str) -> str:
    """Give the first line a program says about its version."""
    done = subprocess.run([PROGRAMS[name][0], "--version"], capture_output=True, text=True)
    return " ".join(done.stdout.splitlines()[0].split()[:3])


def main() -> None:
    """Print the versions and the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    there = [name for name, command in PROGRAMS.items() if shutil.which(command[0])]
    for name in PROGRAMS.keys() - set(there):
        print(f"{name} is not installed: left out")
    known = [f"{OURS} {version(OURS)}", f"Python {platform.python_version()}"]
    print(", ".join([*known, f"aiohttp {version('aiohttp')}", *map(about, there)]))
    print()
    print("\n".join(asyncio.run(table(there))))


if __name__ == "__main__":
    main()
