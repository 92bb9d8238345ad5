"""The faults that the fake server injects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from roistat_async.testing import Fault

from .conftest import LIST, PlainClient

PHONES = "calltracking/phone/create"


async def test_a_fault_happens_so_many_times(api: PlainClient) -> None:
    """Uses of a fault are recorded, and the uses that remain are listed."""
    fault = Fault.status(502)
    assert repr(fault) == "Fault(name='status 502', applied=False, seconds=0.0)"
    api.fake.fail(LIST, fault, times=2)
    codes = [(await api.raw(LIST, {}))[0].status]
    assert api.fake.unused_faults() == [(LIST, fault, 1)]
    codes += [(await api.raw(LIST, {}))[0].status for _ in range(2)]
    assert (codes, [used for _, used in api.fake.used_faults]) == ([502, 502, 200], [fault, fault])
    assert api.fake.unused_faults() == []


async def test_only_for_matching_requests(api: PlainClient) -> None:
    """Other requests get true responses; a fault happens before the key is checked."""
    api.fake.fail("call/*/file", Fault.status(500))
    api.fake.fail(LIST, Fault.status(503), when=lambda request: request.body["offset"] == 10)
    first, _ = await api.raw(LIST, {"offset": 0})
    later, _ = await api.raw(LIST, {"offset": 10})
    file, _ = await api.raw("calltracking/call/10001/file", headers={"Api-key": "no"})
    assert (first.status, later.status, file.status) == (200, 503, 500)


@pytest.mark.parametrize("real", [False, True])
async def test_error(api: PlainClient, real: bool) -> None:
    """An error has the format of Roistat, with an HTTP status only on request."""
    api.fake.fail(LIST, Fault.error("option_not_paid", details={"option": "calltracking"}))
    response, body = await api.raw(LIST, {}, headers={"Use-Http-Code": "1"} if real else {})
    assert response.status == (402 if real else 200)
    assert json.loads(body)["details"] == {"option": "calltracking"}


@pytest.mark.parametrize(
    ("fault", "content_type", "expected"),
    [
        (Fault.empty(), "application/json", lambda body: b""),
        (Fault.garbage(b"\xff\x00"), "application/json", lambda body: b"\xff\x00"),
        (Fault.content_type("text/plain"), "text/plain", lambda body: body),
        (Fault.rewrite(lambda body: body + b"?"), "application/json", lambda body: body + b"?"),
        (Fault.delay(0.01), "application/json", lambda body: body),
        (Fault.trickle(size=500, pause=0), "application/json", lambda body: body),
        (Fault.unframed(whole=True), "application/json", lambda body: body),
        (Fault.unframed(40), "application/json", lambda body: body[:40]),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_changed_response(
    api: PlainClient, fault: Fault, content_type: str, expected: Callable[[bytes], bytes]
) -> None:
    """The status stays 200, and only the content type or the body changes."""
    _, true = await api.raw(LIST, {"limit": 2})
    api.fake.fail(LIST, fault)
    response, body = await api.raw(LIST, {"limit": 2})
    assert (response.status, response.content_type, body) == (200, content_type, expected(true))
    is_framed = bool(response.headers.keys() & {"Content-Length", "Transfer-Encoding"})
    assert is_framed is not fault.name.startswith("unframed")


@pytest.mark.parametrize(
    ("fault", "status", "header", "value", "start"),
    [
        (Fault.retry_after("soon"), 200, "Retry-After", "soon", b'{"status":"error","error":"requ'),
        (Fault.redirect("http://127.0.0.1:1/x", 307), 307, "Location", "http://127.0.0.1:1/x", b""),
        (Fault.redirect(None, 302), 302, "Location", None, b""),
        (Fault.headers({"Set-Cookie": "a=b"}), 200, "Set-Cookie", "a=b", b'{"data":['),
        (Fault.html(), 200, "Content-Type", "text/html", b"<!DOCTYPE html>"),
    ],
    ids=str,
)
async def test_status_and_headers(
    api: PlainClient, fault: Fault, status: int, header: str, value: str | None, start: bytes
) -> None:
    """A fault may change the status, a header and the body."""
    api.fake.fail(LIST, fault)
    response, body = await api.raw(LIST, {})
    shown = response.headers.get(header)
    assert (response.status, shown and shown.partition(";")[0]) == (status, value)
    assert body.startswith(start)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.truncated(), aiohttp.ClientPayloadError),
        (Fault.truncated(0), aiohttp.ClientPayloadError),
        (Fault.cut_chunks(), aiohttp.ClientPayloadError),
        (Fault.reset(), aiohttp.ClientOSError),
        (Fault.close_silently(), aiohttp.ServerDisconnectedError),
        (Fault.raw_bytes(b"SSH-2.0-OpenSSH_9.6\r\n"), aiohttp.ClientResponseError),
        (Fault.raw_bytes(b"HTTP/1.1 200"), aiohttp.ServerDisconnectedError),
    ],
    ids=str,
)
async def test_connection(api: PlainClient, fault: Fault, error: type[Exception]) -> None:
    """The connection breaks in the given way, and the next request works."""
    api.fake.fail(LIST, fault)
    with pytest.raises(error):
        await api.raw(LIST, {})
    assert (await api(LIST, limit=1))["status"] == "success"


@pytest.mark.parametrize(
    ("fault", "applied"),
    [(Fault.reset().after_applying(), True), (Fault.close_silently().after_applying(), True),
     (Fault.status(502).after_applying(), True), (Fault.truncated(), True),
     (Fault.status(502), False), (Fault.html(), False)],
    ids=str,
)  # fmt: skip
async def test_effect_of_a_failed_write(api: PlainClient, fault: Fault, applied: bool) -> None:
    """A write takes effect if its response is lost or truncated, and not if it is refused."""
    api.fake.fail(PHONES, fault)
    with suppress(aiohttp.ClientError):
        await api.raw(PHONES, {"phones": ["74950000100"]})
    numbers: list[Any] = [phone["phone"] for phone in api.fake.state.phones]
    assert (len(numbers), "74950000100" in numbers) == (7 + applied, applied)


@pytest.mark.parametrize("headers", [False, True])
async def test_stall(api: PlainClient, headers: bool) -> None:
    """The server stops at once although a response is stalled."""
    api.fake.fail(LIST, Fault.stall(100, headers=headers))
    with pytest.raises(TimeoutError):
        await api.raw(LIST, {}, timeout=aiohttp.ClientTimeout(total=0.05))
    await asyncio.wait_for(api.fake.stop(), 20)


async def test_wait_for(api: PlainClient) -> None:
    """A response that waits for an event includes the changes made before it."""
    gate, arrived = asyncio.Event(), asyncio.Event()
    api.fake.on_request = lambda _: arrived.set()
    api.fake.fail(LIST, Fault.wait_for(gate))
    pending = asyncio.ensure_future(api.ids(limit=1))
    await arrived.wait()
    api.fake.state.add_call(id="777")
    gate.set()
    assert (await pending, api.fake.peak_in_flight) == (["777"], 1)


async def test_latency(api: PlainClient) -> None:
    """With latency, concurrent requests are in flight together."""
    api.fake.quirks.latency = 0.2
    await asyncio.gather(*(api(LIST, limit=1) for _ in range(5)))
    assert api.fake.peak_in_flight == 5
