"""Faults happen when, where and as often as they were scripted."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import aiohttp
import pytest

from roistat_async.testing import FakeRoistat, Fault

from .conftest import Plain

LIST = "calltracking/call/list"
PHONES = "calltracking/phone/create"


async def test_only_so_many_times(ask: Plain) -> None:
    """A fault is used up, and every use is recorded."""
    fault = Fault.status(502)
    ask.fake.fail(LIST, fault, times=2)
    codes = [(await ask.raw(LIST, {}))[0].status for _ in range(3)]

    assert codes == [502, 502, 200]
    assert [used for _, used in ask.fake.used_faults] == [fault, fault]
    assert ask.fake.unused_faults() == []


async def test_unused_faults_are_named(ask: Plain) -> None:
    """A fault that never happened can be found."""
    fault = Fault.empty()
    ask.fake.fail("calltracking/phone/list", fault, times=3)
    await ask.raw("calltracking/phone/list", {})

    assert ask.fake.unused_faults() == [("calltracking/phone/list", fault, 2)]


async def test_only_where_it_was_scripted(ask: Plain) -> None:
    """Other paths, and requests the predicate leaves out, are answered."""
    ask.fake.fail("call/*/file", Fault.status(500))
    ask.fake.fail(LIST, Fault.status(503), when=lambda seen: seen.body["offset"] == 10)
    first, _ = await ask.raw(LIST, {"offset": 0})
    later, _ = await ask.raw(LIST, {"offset": 10})
    file, _ = await ask.raw("calltracking/call/10001/file")

    assert (first.status, later.status, file.status) == (200, 503, 500)


@pytest.mark.parametrize("real", [False, True])
async def test_error(ask: Plain, real: bool) -> None:
    """An error is Roistat's own, with a real code only on request."""
    ask.fake.fail(LIST, Fault.error("option_not_paid", details={"option": "calltracking"}))
    response, body = await ask.raw(LIST, {}, headers={"Use-Http-Code": "1"} if real else {})

    assert response.status == (402 if real else 200)
    assert json.loads(body)["details"] == {"option": "calltracking"}


async def test_retry_after(ask: Plain) -> None:
    """The header is sent as it was written."""
    ask.fake.fail(LIST, Fault.retry_after("soon"))
    response, body = await ask.raw(LIST, {})

    assert response.headers["Retry-After"] == "soon"
    assert json.loads(body)["error"] == "request_limit_error"


async def test_html(ask: Plain) -> None:
    """A portal answers 200 and a page."""
    ask.fake.fail(LIST, Fault.html())
    response, body = await ask.raw(LIST, {})

    assert (response.status, response.content_type) == (200, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")


async def test_other_bodies(ask: Plain) -> None:
    """Nothing, garbage, a wrong label, a rewritten answer."""
    for fault in (
        Fault.empty(),
        Fault.garbage(b"\xff\x00"),
        Fault.content_type("text/plain"),
        Fault.rewrite(lambda body: b"\xef\xbb\xbf" + body),
    ):
        ask.fake.fail(LIST, fault)
    answers = [await ask.raw(LIST, {"limit": 1}) for _ in range(4)]

    assert [body[:3] for _, body in answers] == [b"", b"\xff\x00", b'{"d', b"\xef\xbb\xbf"]
    assert answers[2][0].content_type == "text/plain"


async def test_redirect(ask: Plain) -> None:
    """A redirect points where it was told, or nowhere."""
    ask.fake.fail(LIST, Fault.redirect("http://127.0.0.1:1/x", 307))
    ask.fake.fail(LIST, Fault.redirect(None))
    first, _ = await ask.raw(LIST, {})
    second, _ = await ask.raw(LIST, {})

    assert (first.status, first.headers["Location"]) == (307, "http://127.0.0.1:1/x")
    assert (second.status, "Location" in second.headers) == (302, False)


async def test_added_headers(ask: Plain) -> None:
    """The true answer carries the headers asked for."""
    ask.fake.fail(LIST, Fault.headers({"Set-Cookie": "a=b"}))
    response, body = await ask.raw(LIST, {})

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
async def test_connection(ask: Plain, fault: Fault, error: type[Exception]) -> None:
    """The connection breaks in the way that was asked for, and the next request works."""
    ask.fake.fail(LIST, fault)
    with pytest.raises(error):
        await ask.raw(LIST, {})

    assert (await ask(LIST, limit=1))["status"] == "success"


async def test_unframed(ask: Plain) -> None:
    """Without length and chunks a client cannot see the cut."""
    ask.fake.fail(LIST, Fault.unframed(40))
    ask.fake.fail(LIST, Fault.unframed(whole=True))
    response, cut = await ask.raw(LIST, {})
    _, whole = await ask.raw(LIST, {})

    assert len(cut) == 40
    assert not response.headers.keys() & {"Content-Length", "Transfer-Encoding"}
    assert json.loads(whole)["total"] == 50


@pytest.mark.parametrize(
    "fault", [Fault.reset(), Fault.close_silently(), Fault.status(502)], ids=str
)
async def test_answer_lost(ask: Plain, fault: Fault) -> None:
    """After applying, the phone exists though the client never heard of it."""
    ask.fake.fail(PHONES, fault.after_applying())
    with suppress(aiohttp.ClientError):
        await ask.raw(PHONES, {"phones": ["74950000100"]})

    assert ask.fake.state.phones[-1]["phone"] == "74950000100"


@pytest.mark.parametrize("fault", [Fault.status(502), Fault.html()], ids=str)
async def test_not_applied_by_itself(ask: Plain, fault: Fault) -> None:
    """Without after_applying a failed create did not happen."""
    ask.fake.fail(PHONES, fault)
    await ask.raw(PHONES, {"phones": ["74950000100"]})

    assert len(ask.fake.state.phones) == 7


async def test_cut_answer_was_applied(ask: Plain) -> None:
    """A cut answer is cut from the true one, so the write happened."""
    ask.fake.fail(PHONES, Fault.truncated())
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask.raw(PHONES, {"phones": ["74950000100"]})

    assert len(ask.fake.state.phones) == 8


@pytest.mark.parametrize("headers", [False, True])
async def test_stall(ask: Plain, headers: bool) -> None:
    """A stalled answer stays silent, and the fake still closes at once."""
    ask.fake.fail(LIST, Fault.stall(5, headers=headers))
    with pytest.raises(TimeoutError):
        await ask.raw(LIST, {}, timeout=aiohttp.ClientTimeout(total=0.05))

    await asyncio.wait_for(ask.fake.stop(), 2)


async def test_drip(ask: Plain) -> None:
    """A dripped answer is whole in the end."""
    ask.fake.fail(LIST, Fault.trickle(size=500, pause=0))
    _, body = await ask.raw(LIST, {"limit": 2})

    assert json.loads(body)["total"] == 50


async def test_delay(ask: Plain) -> None:
    """A delayed answer is a true one."""
    ask.fake.fail(LIST, Fault.delay(0.01))

    assert (await ask(LIST))["status"] == "success"


async def test_hold(ask: Plain) -> None:
    """A held answer waits for the test, and shows what the test did meanwhile."""
    gate = asyncio.Event()
    arrived = asyncio.Event()
    ask.fake.on_request = lambda _: arrived.set()
    ask.fake.fail(LIST, Fault.wait_for(gate))
    pending = asyncio.ensure_future(ask.ids(limit=1))
    await arrived.wait()
    ask.fake.state.add_call(id="777")
    gate.set()

    assert await pending == ["777"]
    assert ask.fake.peak_in_flight == 1


async def test_latency(ask: Plain) -> None:
    """With latency, requests sent together are in flight together."""
    ask.fake.quirks.latency = 0.02
    await asyncio.gather(*(ask(LIST, limit=1) for _ in range(5)))

    assert ask.fake.peak_in_flight == 5


async def test_faults_go_before_everything(ask: Plain) -> None:
    """A fault in front of Roistat meets a bad key, too."""
    ask.fake.fail(LIST, Fault.status(502))
    response, _ = await ask.raw(LIST, {}, headers={"Api-key": "no"})

    assert response.status == 502


def test_fault_names_itself() -> None:
    """A fault's repr is short enough for a failing test."""
    assert repr(Fault.status(502)) == "Fault(name='status 502', applied=False, seconds=0.0)"
    assert isinstance(FakeRoistat(calls=0).used_faults, list)
