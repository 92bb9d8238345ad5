"""Reception of webhooks: duplicates, failures, sizes, secrets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from roistat_async import errors
from roistat_async.testing import FakeRoistat
from roistat_async.webhooks import (
    CallEnded,
    CallStarted,
    RecentDeliveries,
    WebhookReceiver,
    webhook_handler,
)

from .bodies import END_2019, START, encode

SECRET = "pY3-test_secret.of~24chr"
Browser = TestClient[web.Request, web.Application]


class Calls(list[CallStarted | CallEnded]):
    """Events that were handled; the next ones fail as often as `failures` says."""

    failures = 0

    async def handle(self, event: CallStarted | CallEnded) -> None:
        """Record an event, in a later turn of the event loop."""
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        self.append(event)


def serving(calls: Calls, path: str = "/roistat/{secret}", **options: Any) -> Browser:
    """Return a client of a real server with the handler."""
    app = web.Application()
    handler = webhook_handler(secret=SECRET, on_call=calls.handle, **options)
    app.add_routes([web.post(path, handler)])
    return TestClient(TestServer(app))


@pytest.fixture
def calls() -> Calls:
    """Return the list of handled events."""
    return Calls()


@pytest.fixture
async def browser(calls: Calls) -> AsyncIterator[Browser]:
    """Start the server, and yield its client."""
    async with serving(calls) as client:
        yield client


async def post(browser: Browser, fields: Any, secret: str = SECRET, **options: Any) -> int:
    """Post a body and return the status."""
    body = fields if isinstance(fields, bytes) else encode(fields)
    async with browser.post(f"/roistat/{secret}", data=body, **options) as response:
        return response.status


async def test_w1_an_event_twice(browser: Browser, calls: Calls) -> None:
    """Of the same event, at one time or later, one is handled, and all others get 200 after it."""
    statuses = await asyncio.gather(*[post(browser, END_2019) for _ in range(10)])
    assert [*statuses, await post(browser, END_2019)] == [200] * 11
    assert len(calls) == 1


async def test_w2_a_failure_may_be_retried(
    browser: Browser, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of `on_call` is logged and answered with 500, and the next post is handled."""
    calls.failures = 1
    assert [await post(browser, END_2019), await post(browser, END_2019)] == [500, 200]
    assert len(calls) == 1
    assert "call 313" in caplog.text
    assert START["caller"] not in caplog.text
    own = [record for record in caplog.records if record.name.startswith("roistat_async")]
    assert SECRET not in "".join(record.getMessage() for record in own)


@pytest.mark.parametrize("secret", ["wrong", SECRET[:-1], SECRET + "x", "%ED%A0%80", "%00"])
async def test_w3_a_wrong_secret(browser: Browser, calls: Calls, secret: str) -> None:
    """A wrong secret is 404, like a path that does not exist, and a GET with the right one 405.

    A large body that is not read does not block the connection.
    """
    for body in (END_2019, b"x" * 300_000, b"x" * 300_000):
        assert await post(browser, body, secret) == 404
    assert not calls
    async with browser.get(f"/roistat/{SECRET}") as response:
        assert response.status == 405


async def test_w4_a_body_that_is_too_large(calls: Calls) -> None:
    """A body above the limit is 413, and the next one that fits is handled."""
    async with serving(calls, max_bytes=2000) as browser:
        assert await post(browser, END_2019 | {"new": "x" * 900_000}) == 413
        assert await post(browser, END_2019) == 200
    assert len(calls) == 1


async def test_w4_a_body_without_end(calls: Calls) -> None:
    """No more of a body is read than shows that it is too large."""
    sizes = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sizes.append(600)
            yield b"x" * 600

    receiver = WebhookReceiver(secret=SECRET, on_call=calls.handle, max_bytes=1000)
    body = await receiver.read(endless())
    assert sum(sizes) == 1200
    assert await receiver.receive(body) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_w5_a_body_that_is_no_event(
    browser: Browser, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no event is 400, and the log says so without any value."""
    caplog.set_level(logging.WARNING)
    assert await post(browser, {"caller": "79001234567"}) == 400
    assert (len(calls), "no id of a call" in caplog.text) == (0, True)
    assert "79001234567" not in caplog.text


async def test_a_form_is_received(browser: Browser, calls: Calls) -> None:
    """The character set of the request is used."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=windows-1251"}
    assert await post(browser, "id=1&city=Казань".encode("cp1251"), headers=headers) == 200
    assert calls[0].city == "Казань"


@pytest.mark.parametrize("failures", [0, 1])
async def test_w7_a_client_that_hangs_up(
    calls: Calls, caplog: pytest.LogCaptureFixture, failures: int
) -> None:
    """The work of a cancelled request goes on, its duplicate waits for it, a failure is logged."""
    release = asyncio.Event()
    calls.failures = failures

    async def on_call(event: CallStarted | CallEnded) -> None:
        await release.wait()
        await calls.handle(event)

    receiver = WebhookReceiver(secret=SECRET, on_call=on_call)
    first, second = (asyncio.create_task(receiver.receive(encode(START))) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    if failures:
        second.cancel()  # nobody waits
    await asyncio.sleep(0.01)
    release.set()
    await asyncio.sleep(0.01)
    assert ("the database is away" in caplog.text) == bool(failures)
    assert len(calls) == 1 - failures
    assert failures or await second == HTTPStatus.OK


async def test_w2_a_store_that_fails(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    """A failure of the store is a failure of the request: nothing is handled unchecked."""
    store = AsyncMock(contains=AsyncMock(side_effect=OSError("the store is away")))
    receiver = WebhookReceiver(secret=SECRET, on_call=calls.handle, store=store)
    assert await receiver.receive(encode(START)) == HTTPStatus.INTERNAL_SERVER_ERROR
    assert (len(calls), "the store is away" in caplog.text) == (0, True)


async def test_a_store_of_ones_own(calls: Calls) -> None:
    """Receivers with one store, as in several processes, handle an event once."""
    store = RecentDeliveries()
    for _ in range(2):
        receiver = WebhookReceiver(secret=SECRET, on_call=calls.handle, store=store)
        assert await receiver.receive(encode(END_2019)) == HTTPStatus.OK
    assert len(calls) == 1


async def test_w8_memory_is_bounded() -> None:
    """The store in memory forgets the oldest events."""
    store = RecentDeliveries(2)
    for key in ("1", "2", "2", "3"):
        await store.add(key)
    assert [await store.contains(key) for key in ("1", "2", "3")] == [False, True, True]


@pytest.mark.parametrize("secret", ["", "short", "with/slash/in/the/secret", "пароль" * 5, None])
def test_a_secret_that_does_not_fit(secret: str) -> None:
    """A secret that is short, or no part of a URL, is refused without being shown."""
    with pytest.raises(errors.ConfigurationError, match="token_urlsafe") as caught:
        webhook_handler(secret=secret, on_call=Calls().handle)
    assert not secret or secret not in str(caught.value)


async def test_a_route_without_the_secret(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    """A route without `{secret}` is an error that says so, not a page that does not exist."""
    async with serving(calls, "/hook") as browser, browser.post("/hook") as response:
        assert response.status == 500
    assert "must have {secret} in it" in caplog.text


async def test_events_of_the_fake(browser: Browser, calls: Calls) -> None:
    """Start and end of a call, posted to one URL by the fake, are received with their fields."""
    async with FakeRoistat(calls=40) as fake:
        call = next(row for row in fake.state.calls if row["visit"] and row["order"])
        url = str(browser.make_url(f"/roistat/{SECRET}"))
        statuses = [await fake.send_webhook(url, call, event) for event in ("start", "end")]
    start, end = calls
    assert (statuses, type(start)) == ([200, 200], CallStarted)
    assert isinstance(end, CallEnded)
    assert (end.id, end.status, end.duration) == (call["id"], call["status"], call["duration"])
    assert end.date == datetime.fromisoformat(str(call["date"]))
    assert (end.city, end.order_id) == (call["visit"]["geo"]["city"], str(call["order_id"]))
    assert start.extra == end.extra == {}
