"""Webhooks that the fake posts."""

from __future__ import annotations

import pytest

from roistat_async.testing import FakeRoistat, Fault


async def test_start_and_end(fake: FakeRoistat) -> None:
    """A start has no status; an end has status, duration and link. Dates have no offset."""
    row = fake.state.add_call(id="777", status="BUSY", duration=7, link="https://x.example/1")
    assert await fake.send_webhook(f"{fake.base_url}/hook", row, "start") == 200
    fake.fail("*", Fault.status(502))
    assert await fake.send_webhook(f"{fake.base_url}/hook", 777, "end") == 502
    headers, (start, end) = fake.requests[0].headers, [request.body for request in fake.requests]
    assert (headers["user-agent"], headers["content-type"]) == ("Roistat Bot", "application/json")
    assert (start["id"], start["date"]) == ("777", "2027-01-15 08:00:00")
    assert end.keys() - start.keys() == {"status", "file_id", "duration", "link"}
    assert (end["status"], end["duration"], end["link"]) == ("BUSY", 7, "https://x.example/1")
    assert end["custom_fields"] == []


async def test_other_calls(fake: FakeRoistat) -> None:
    """The call may be one of another project; an unknown call or event is an error, unsent."""
    row = fake.add_project(678).add_call(id="1")
    assert await fake.send_webhook(fake.base_url, row, project=678) == 200
    with pytest.raises(KeyError):
        await fake.send_webhook(fake.base_url, "1")
    with pytest.raises(ValueError, match="start"):
        await fake.send_webhook(fake.base_url, fake.state.calls[0], "ended")  # type: ignore[arg-type]  # refused
    assert len(fake.requests) == 1


def test_code_that_is_not_async() -> None:
    """A test without a loop posts the same event, while the fake runs in its thread."""
    with FakeRoistat(calls=5).in_thread() as fake:
        row = fake.state.calls[0]
        fake.send_webhook_sync(fake.base_url + "/hook", row["id"])
        assert (fake.requests[-1].method, fake.requests[-1].body["id"]) == ("POST", row["id"])
