"""Tests of the faults that the fake server injects."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import aiohttp
import pytest

from roistat_async.testing import FakeRoistat, Fault

from .conftest import PlainClient

LIST = "calltracking/call/list"
PHONES = "calltracking/phone/create"


async def test_only_so_many_times(api: PlainClient) -> None:
    """A fault happens `times` times, and every use is recorded."""
    fault = Fault.status(502)
    api.fake.fail(LIST, fault, times=2)
    codes = [(await api.raw(LIST, {}))[0].status for _ in range(3)]

    assert codes == [502, 502, 200]
    assert [used for _, used in api.fake.used_faults] == [fault, fault]
    assert api.fake.unused_faults() == []


async def test_unused_faults_are_named(api: PlainClient) -> None:
    """A fault that did not happen is listed with the uses that remain."""
    fault = Fault.empty()
    api.fake.fail("calltracking/phone/list", fault, times=3)
    await api.raw("calltracking/phone/list", {})

    assert api.fake.unused_faults() == [("calltracking/phone/list", fault, 2)]


async def test_only_for_matching_requests(api: PlainClient) -> None:
    """Other paths, and requests that the predicate rejects, get true responses."""
    api.fake.fail("call/*/file", Fault.status(500))
    api.fake.fail(LIST, Fault.status(503), when=lambda request: request.body["offset"] == 10)
    first, _ = await api.raw(LIST, {"offset": 0})
    later, _ = await api.raw(LIST, {"offset": 10})
    file, _ = await api.raw("calltracking/call/10001/file")

    assert (first.status, later.status, file.status) == (200, 503, 500)


@pytest.mark.parametrize("real", [False, True])
async def test_error(api: PlainClient, real: bool) -> None:
    """An error has the format of Roistat, with an HTTP status only on request."""
    api.fake.fail(LIST, Fault.error("option_not_paid", details={"option": "calltracking"}))
    response, body = await api.raw(LIST, {}, headers={"Use-Http-Code": "1"} if real else {})

    assert response.status == (402 if real else 200)
    assert json.loads(body)["details"] == {"option": "calltracking"}


async def test_retry_after(api: PlainClient) -> None:
    """The Retry-After header is sent unchanged."""
    api.fake.fail(LIST, Fault.retry_after("soon"))
    response, body = await api.raw(LIST, {})

    assert response.headers["Retry-After"] == "soon"
    assert json.loads(body)["error"] == "request_limit_error"


async def test_html(api: PlainClient) -> None:
    """An HTML fault is a page with status 200."""
    api.fake.fail(LIST, Fault.html())
    response, body = await api.raw(LIST, {})

    assert (response.status, response.content_type) == (200, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")


async def test_other_bodies(api: PlainClient) -> None:
    """A fault can replace the body, its content type or its bytes."""
    for fault in (
        Fault.empty(),
        Fault.garbage(b"\xff\x00"),
        Fault.content_type("text/plain"),
        Fault.rewrite(lambda body: b"\xef\xbb\xbf" + body),
    ):
        api.fake.fail(LIST, fault)
    results = [await api.raw(LIST, {"limit": 1}) for _ in range(4)]

    assert [body[:3] for _, body in results] == [b"", b"\xff\x00", b'{"d', b"\xef\xbb\xbf"]
    assert results[2][0].content_type == "text/plain"


async def test_redirect(api: PlainClient) -> None:
    """A redirect has the given Location, or none."""
    api.fake.fail(LIST, Fault.redirect("http://127.0.0.1:1/x", 307))
    api.fake.fail(LIST, Fault.redirect(None))
    first, _ = await api.raw(LIST, {})
    second, _ = await api.raw(LIST, {})

    assert (first.status, first.headers["Location"]) == (307, "http://127.0.0.1:1/x")
    assert (second.status, "Location" in second.headers) == (302, False)


async def test_added_headers(api: PlainClient) -> None:
    """The given headers are added to the true response."""
    api.fake.fail(LIST, Fault.headers({"Set-Cookie": "a=b"}))
    response, body = await api.raw(LIST, {})

    assert response.cookies["a"].value == "b"
    assert json.loads(body)["status"] == "success"


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


async def test_unframed(api: PlainClient) -> None:
    """A response without a length can end early and still look complete."""
    api.fake.fail(LIST, Fault.unframed(40))
    api.fake.fail(LIST, Fault.unframed(whole=True))
    response, cut = await api.raw(LIST, {})
    _, whole = await api.raw(LIST, {})

    assert len(cut) == 40
    assert not response.headers.keys() & {"Content-Length", "Transfer-Encoding"}
    assert json.loads(whole)["total"] == 50


@pytest.mark.parametrize(
    "fault", [Fault.reset(), Fault.close_silently(), Fault.status(502)], ids=str
)
async def test_response_lost(api: PlainClient, fault: Fault) -> None:
    """A fault after applying loses the response of a write that took effect."""
    api.fake.fail(PHONES, fault.after_applying())
    with suppress(aiohttp.ClientError):
        await api.raw(PHONES, {"phones": ["74950000100"]})

    assert api.fake.state.phones[-1]["phone"] == "74950000100"


@pytest.mark.parametrize("fault", [Fault.status(502), Fault.html()], ids=str)
async def test_failed_write_is_not_applied(api: PlainClient, fault: Fault) -> None:
    """A create that fails without `after_applying` has no effect."""
    api.fake.fail(PHONES, fault)
    await api.raw(PHONES, {"phones": ["74950000100"]})

    assert len(api.fake.state.phones) == 7


async def test_write_with_truncated_response_is_applied(api: PlainClient) -> None:
    """A write whose response is truncated takes effect."""
    api.fake.fail(PHONES, Fault.truncated())
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.raw(PHONES, {"phones": ["74950000100"]})

    assert len(api.fake.state.phones) == 8


@pytest.mark.parametrize("headers", [False, True])
async def test_stall(api: PlainClient, headers: bool) -> None:
    """The server stops at once although a response is stalled."""
    api.fake.fail(LIST, Fault.stall(5, headers=headers))
    with pytest.raises(TimeoutError):
        await api.raw(LIST, {}, timeout=aiohttp.ClientTimeout(total=0.05))

    await asyncio.wait_for(api.fake.stop(), 2)


async def test_trickle(api: PlainClient) -> None:
    """A trickled response is complete at its end."""
    api.fake.fail(LIST, Fault.trickle(size=500, pause=0))
    _, body = await api.raw(LIST, {"limit": 2})

    assert json.loads(body)["total"] == 50


async def test_delay(api: PlainClient) -> None:
    """A delayed response is the true one."""
    api.fake.fail(LIST, Fault.delay(0.01))

    assert (await api(LIST))["status"] == "success"


async def test_wait_for(api: PlainClient) -> None:
    """A response that waits for an event includes the changes made before it."""
    gate = asyncio.Event()
    arrived = asyncio.Event()
    api.fake.on_request = lambda _: arrived.set()
    api.fake.fail(LIST, Fault.wait_for(gate))
    pending = asyncio.ensure_future(api.ids(limit=1))
    await arrived.wait()
    api.fake.state.add_call(id="777")
    gate.set()

    assert await pending == ["777"]
    assert api.fake.peak_in_flight == 1


async def test_latency(api: PlainClient) -> None:
    """With latency, concurrent requests are in flight together."""
    api.fake.quirks.latency = 0.02
    await asyncio.gather(*(api(LIST, limit=1) for _ in range(5)))

    assert api.fake.peak_in_flight == 5


async def test_fault_precedes_authentication(api: PlainClient) -> None:
    """A fault happens before the key is checked."""
    api.fake.fail(LIST, Fault.status(502))
    response, _ = await api.raw(LIST, {}, headers={"Api-key": "no"})

    assert response.status == 502


def test_fault_names_itself() -> None:
    """The repr of a fault is short."""
    assert repr(Fault.status(502)) == "Fault(name='status 502', applied=False, seconds=0.0)"
    assert isinstance(FakeRoistat(calls=0).used_faults, list)
