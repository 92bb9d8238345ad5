"""Webhooks that the fake posts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from roistat_async.testing import FakeRoistat

from .conftest import NOON


class Receiver(list[tuple[dict[str, str], dict[str, Any]]]):
    """Headers and fields of the requests that a program received."""

    url = ""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run the program that receives webhooks."""
    receiver = Receiver()

    async def handle(request: web.Request) -> web.Response:
        receiver.append((dict(request.headers), json.loads(await request.read())))
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/hook", handle)])
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


async def test_start_and_end(receiver: Receiver) -> None:
    """A start has no status; an end has status, duration and link. Dates have no offset."""
    fake = FakeRoistat(calls=5, clock=lambda: NOON)
    row = fake.state.add_call(id="777", status="BUSY", duration=7, link="https://x.example/1")
    assert await fake.send_webhook(receiver.url, row, "start") == 204
    assert await fake.send_webhook(receiver.url, 777, "end") == 204
    (headers, start), (_, end) = receiver
    assert (headers["User-Agent"], headers["Content-Type"]) == ("Roistat Bot", "application/json")
    assert (start["id"], start["date"]) == ("777", "2027-01-15 08:00:00")
    assert end.keys() - start.keys() == {"status", "file_id", "duration", "link"}
    assert (end["status"], end["duration"], end["link"]) == ("BUSY", 7, "https://x.example/1")
    assert end["custom_fields"] == []


async def test_other_calls(receiver: Receiver) -> None:
    """The call may be one of another project; an unknown call or event is an error, unsent."""
    fake = FakeRoistat(calls=5)
    row = fake.add_project(678).add_call(id="1")
    assert await fake.send_webhook(receiver.url, row, project=678) == 204
    with pytest.raises(KeyError):
        await fake.send_webhook(receiver.url, "1")
    with pytest.raises(ValueError, match="start"):
        await fake.send_webhook(receiver.url, fake.state.calls[0], "ended")  # type: ignore[arg-type]  # refused
    assert len(receiver) == 1


def test_code_that_is_not_async() -> None:
    """A test without a loop posts the same event, while the fake runs in its thread."""
    with FakeRoistat(calls=5).in_thread() as fake:
        row = fake.state.calls[0]
        fake.send_webhook_sync(fake.base_url + "/hook", row["id"])
        assert (fake.requests[-1].method, fake.requests[-1].body["id"]) == ("POST", row["id"])
