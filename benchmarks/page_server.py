"""Server with little work: all responses are prepared before the first request.

It runs in a process of its own and implements just enough HTTP: it reads a request up to its
length, looks for the number after `"offset":` and sends the page of that offset after `latency`
seconds, or an empty page. With `generated` the pages are those of `history_server`, for histories
too long to be prepared; `cached` ones are generated once for each selection of calls. With a
`certificate` the server uses TLS. With `per_second` a project that sends more requests in a second
gets `request_limit_error`, and `Served.refusals` counts these.
"""

from __future__ import annotations

import asyncio
import gzip as gzip_file
import multiprocessing
import re
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import frozen

from roistat_async.testing import mp3

from . import history_server, pages
from .server import Served

PROJECT = 12345
KEY = "0123456789abcdef0123456789abcdef"
RECORDING = mp3.recording("16769", 1.0)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OFFSET = re.compile(rb'"offset": ?(\d+)')
_PROJECT = re.compile(rb"[?&]project=(\d+)")
_REFUSAL = b'{"status":"error","error":"request_limit_error"}'
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\n"
    "Date: Mon, 04 May 2026 10:00:00 GMT\r\n{}Content-Length: {}\r\n\r\n"
)


@frozen
class Plan:
    """Content of the server: so many pages of so many calls each."""

    pages: int = 1
    calls: int = 1000
    latency: float = 0.0
    gzip: bool = False
    generated: bool = False
    cached: bool = False
    per_second: int = 0
    recording: bytes = RECORDING
    certificate: Path | None = None

    @property
    def total(self) -> int:
        """Number of calls on all pages."""
        return self.pages * self.calls


@contextmanager
def serving_pages(plan: Plan) -> Iterator[Served]:
    """Serve while the block runs."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    refusals = context.Value("i", 0)
    process = context.Process(target=_serve, args=(plan, child, refusals), daemon=True)
    process.start()
    child.close()
    try:
        scheme = "https" if plan.certificate else "http"
        yield Served(f"{scheme}://127.0.0.1:{parent.recv()}/api/v1", KEY, PROJECT, refusals)
    finally:
        parent.close()
        process.join(30)


class _Prepared:
    """Responses that were prepared, with their headers."""

    def __init__(self, plan: Plan) -> None:
        self._by_offset = {
            number * plan.calls: _whole(plan, number * plan.calls) for number in range(plan.pages)
        }
        self._empty = _framed(pages.empty(plan.total), is_gzip=False)

    def respond(self, head: bytes, body: bytes) -> bytes:
        """Return the response to a request."""
        match = _OFFSET.search(body)
        return self._by_offset.get(int(match[1]) if match else 0, self._empty)


class _Generated:
    """Responses that are generated on request; all recordings are the same."""

    def __init__(self, plan: Plan) -> None:
        self._calls = plan.total
        self._recording = _framed(plan.recording, is_gzip=False)
        self._cache: dict[tuple[range, int], bytes] | None = {} if plan.cached else None

    def respond(self, head: bytes, body: bytes) -> bytes:
        """Return the response to a request."""
        if b"/file?" in head:
            return self._recording
        selection = history_server.selection(body, self._calls)
        if self._cache is None:
            return self._page(*selection)
        if selection not in self._cache:  # requests of another time select the same calls
            self._cache[selection] = self._page(*selection)
        return self._cache[selection]

    def _page(self, numbers: range, total: int) -> bytes:
        return _framed(history_server.page(numbers, total), is_gzip=False)


class _Limited:
    """Responses for so many requests a second of each project, else an error that is counted."""

    def __init__(self, responses: _Prepared | _Generated, per_second: int, refusals: Any) -> None:
        self._responses = responses
        self._per_second = per_second
        self._refusals = refusals
        self._sent: dict[bytes, deque[float]] = defaultdict(deque)
        self._refusal = _framed(_REFUSAL, is_gzip=False)

    def respond(self, head: bytes, body: bytes) -> bytes:
        """Return the response to a request."""
        match = _PROJECT.search(head)
        sent = self._sent[match[1] if match else b""]
        now = time.monotonic()
        while sent and sent[0] <= now - 1:
            sent.popleft()
        if len(sent) >= self._per_second:
            self._refusals.value += 1
            return self._refusal
        sent.append(now)
        return self._responses.respond(head, body)


Responses = _Prepared | _Generated | _Limited


class _Connection(asyncio.Protocol):
    """Connection whose requests get their responses one after the other."""

    def __init__(self, responses: Responses, latency: float) -> None:
        self._responses = responses
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        self._received = b""
        self._send(self._responses.respond(head, body))

    def _send(self, response: bytes) -> None:
        assert self._transport is not None
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, response)
        else:
            self._transport.write(response)


def _serve(plan: Plan, pipe: Connection, refusals: Any) -> None:
    unlimited = _Generated(plan) if plan.generated else _Prepared(plan)
    responses = _Limited(unlimited, plan.per_second, refusals) if plan.per_second else unlimited
    asyncio.run(_serve_until_closed(responses, plan, pipe))


async def _serve_until_closed(responses: Responses, plan: Plan, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    tls = None
    if plan.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(plan.certificate)
    server = await loop.create_server(
        lambda: _Connection(responses, plan.latency), "127.0.0.1", 0, ssl=tls
    )
    pipe.send(server.sockets[0].getsockname()[1])
    closed = asyncio.Event()
    # Nothing is sent through the pipe: it becomes readable when the parent closes it.
    loop.add_reader(pipe.fileno(), closed.set)
    await closed.wait()
    server.close()


def _whole(plan: Plan, first: int) -> bytes:
    return _framed(pages.page(plan.calls, first, plan.total), is_gzip=plan.gzip)


def _framed(body: bytes, *, is_gzip: bool) -> bytes:
    sent = gzip_file.compress(body, 6) if is_gzip else body
    encoding = "Content-Encoding: gzip\r\n" if is_gzip else ""
    return _HEAD.format(encoding, len(sent)).encode() + sent
