"""HTTP server of the fake."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

from aiohttp import web

from .dates import http_date
from .faults import Fault
from .raw_connection import RawConnection
from .recorded_request import RecordedRequest
from .responses import FakeResponse
from .router import dispatch
from .server_state import ServerState

_SMALL = 1024
_CHUNK = 16 * 1024


class HttpServer:
    """HTTP server on loopback that hands each request to the router."""

    def __init__(self, state: ServerState) -> None:
        """Serve the projects of a state."""
        self._state = state
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int) -> int:
        """Open the port and return its number."""
        # No router, no middleware, no access log: a benchmark runs against this.
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=512)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """End stalled responses and close everything."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        state = self._state
        state.in_flight += 1
        state.peak_in_flight = max(state.peak_in_flight, state.in_flight)
        try:
            return await self._answer(request)
        finally:
            state.in_flight -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        state = self._state
        recorded = await _recorded(request, state.clock())
        state.record(recorded)
        fault = state.take_fault(recorded)
        await self._wait(fault)
        applied = fault is None or fault.applied
        answer = dispatch(state, recorded) if applied else FakeResponse(content_type="text/html")
        if fault is not None and fault.change is not None:
            answer = fault.change(answer, recorded)
        date = http_date(state.clock())
        if fault is not None and fault.wire is not None:
            return await self._by_hand(request, fault, answer, date)
        return await _whole(request, answer, date, state.quirks.gzip)

    async def _wait(self, fault: Fault | None) -> None:
        seconds = self._state.quirks.latency + (fault.seconds if fault else 0)
        if seconds > 0:
            await _either(asyncio.sleep(seconds), self._closing.wait())
        if fault is not None and fault.until is not None:
            await _either(fault.until.wait(), self._closing.wait())

    async def _by_hand(
        self, request: web.BaseRequest, fault: Fault, answer: FakeResponse, date: str
    ) -> web.StreamResponse:
        transport = request.transport
        if fault.wire is not None and isinstance(transport, asyncio.Transport):
            await fault.wire(RawConnection(transport, answer, date, self._closing))
        # The connection is closing by now, so aiohttp drops this one.
        return web.Response()


async def _either(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _recorded(request: web.BaseRequest, at: float) -> RecordedRequest:
    # Not request.read(), which refuses more than 1 MiB.
    raw = await request.content.read()
    query = request.rel_url.query
    number = query.get("project", "")
    peer = request.transport and request.transport.get_extra_info("peername")
    return RecordedRequest(
        method=request.method,
        path=request.path,
        project=int(number) if number.isascii() and number.isdigit() else None,
        query=query,
        headers=request.headers,
        body=_json(raw),
        at=at,
        raw=raw,
        port=peer[1] if peer else 0,
    )


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


async def _whole(
    request: web.BaseRequest, answer: FakeResponse, date: str, compress: bool
) -> web.StreamResponse:
    headers = {"Date": date, "Server": "nginx", "Content-Type": answer.content_type}
    headers.update(answer.headers)
    if answer.chunked:
        return await _chunked(request, answer, headers)
    body = answer.body
    if compress and len(body) > _SMALL and answer.content_type == "application/json":
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    return web.Response(body=body, status=answer.status, headers=headers)


async def _chunked(
    request: web.BaseRequest, answer: FakeResponse, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(answer.body), _CHUNK):
        await response.write(answer.body[start : start + _CHUNK])
    await response.write_eof()
    return response
