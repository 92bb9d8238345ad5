"""A server that costs next to nothing: whole answers prepared before the first request.

It runs in a process of its own and speaks just enough HTTP: a request is read up to its length,
the number after `"offset":` says which answer it gets, and that is written after `latency`
seconds. An offset that no page begins at gets an empty page. A plan with `is_made` is answered by
`history_server`, for histories too long to be prepared.
"""

from __future__ import annotations

import asyncio
import gzip as gzip_file
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from attrs import frozen

from roistat_async.testing import mp3

from . import history_server, pages
from .server import Served

PROJECT = 12345
KEY = "0123456789abcdef0123456789abcdef"
RECORDING = mp3.recording("16769", 1.0)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OFFSET = re.compile(rb'"offset": ?(\d+)')
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\n"
    "Date: Mon, 04 May 2026 10:00:00 GMT\r\n{}Content-Length: {}\r\n\r\n"
)


@frozen
class Plan:
    """Say what is served: so many pages of so many calls each."""

    pages: int = 1
    calls: int = 1000
    latency: float = 0.0
    gzip: bool = False
    is_made: bool = False

    @property
    def total(self) -> int:
        """Count the calls of all pages."""
        return self.pages * self.calls


@contextmanager
def serving_pages(plan: Plan) -> Iterator[Served]:
    """Serve while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(plan, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Served(f"http://127.0.0.1:{ours.recv()}/api/v1", KEY, PROJECT)
    finally:
        ours.close()
        process.join(30)


class _Answers:
    """Hold the bytes of every answer, headers and all."""

    def __init__(self, plan: Plan) -> None:
        self._by_offset = {
            number * plan.calls: _whole(plan, number * plan.calls) for number in range(plan.pages)
        }
        self._empty = _framed(pages.empty(plan.total), is_gzip=False)

    def to(self, head: bytes, body: bytes) -> bytes:
        """Give the answer to a request."""
        found = _OFFSET.search(body)
        return self._by_offset.get(int(found[1]) if found else 0, self._empty)


class _Made:
    """Make the answers while they are asked for; a recording is a small MP3."""

    def __init__(self, plan: Plan) -> None:
        self._calls = plan.total
        self._recording = _framed(RECORDING, is_gzip=False)

    def to(self, head: bytes, body: bytes) -> bytes:
        """Give the answer to a request."""
        if b"/file?" in head:
            return self._recording
        return _framed(history_server.answer(body, self._calls), is_gzip=False)


class _Connection(asyncio.Protocol):
    """Answer one connection's requests, one after the other."""

    def __init__(self, answers: _Answers | _Made, latency: float) -> None:
        self._answers = answers
        self._latency = latency
        self._came = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        self._came = b""
        self._answer(self._answers.to(head, body))

    def _answer(self, answer: bytes) -> None:
        assert self._transport is not None
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _serve(plan: Plan, pipe: Connection) -> None:
    answers = _Made(plan) if plan.is_made else _Answers(plan)
    asyncio.run(_answer_until_closed(answers, plan.latency, pipe))


async def _answer_until_closed(answers: _Answers | _Made, latency: float, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers, latency), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    closed = asyncio.Event()
    loop.add_reader(pipe.fileno(), closed.set)  # nothing is ever sent: this is its end
    await closed.wait()
    server.close()


def _whole(plan: Plan, first: int) -> bytes:
    return _framed(pages.page(plan.calls, first, plan.total), is_gzip=plan.gzip)


def _framed(body: bytes, *, is_gzip: bool) -> bytes:
    sent = gzip_file.compress(body, 6) if is_gzip else body
    encoding = "Content-Encoding: gzip\r\n" if is_gzip else ""
    return _HEAD.format(encoding, len(sent)).encode() + sent
