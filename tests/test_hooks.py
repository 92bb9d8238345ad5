"""Hooks and log messages."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Hooks, RequestEvent, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import client

LIST = "project/calltracking/call/list"


def observed(fake: FakeRoistat, events: list[Any], **options: Any) -> Roistat:
    """Return a client that appends each event to a list."""
    hooks = Hooks(on_request=events.append, on_response=events.append, on_retry=events.append)
    arguments = {"hooks": hooks, "attempts": 3, **options}
    return client(fake.base_url, api_key=fake.api_key, **arguments)


async def test_each_attempt_and_each_retry_has_its_events(fake: FakeRoistat) -> None:
    """They hold the path, the project, the attempt, the status, the size, the time, the error."""
    fake.fail("call/list", Fault.status(502))
    events: list[Any] = []
    async with observed(fake, events) as roistat:
        assert await roistat.calls.list().first()
    request, failed, retry, second, response = events
    assert request == RequestEvent(operation=LIST, project=fake.project, attempt=1)
    assert (failed.status, retry.attempt, second.attempt) == (502, 1, 2)
    assert isinstance(retry.error, errors.ServerError)
    assert (retry.project, response.project) == (fake.project, fake.project)
    assert retry.delay >= 0
    assert (response.operation, response.status, response.attempt) == (LIST, 200, 2)
    assert response.bytes > 100
    assert response.seconds >= 0


async def test_a_lost_response_has_no_event(fake: FakeRoistat) -> None:
    """A request whose connection is reset has no response event."""
    fake.fail("call/list", Fault.reset())
    events: list[Any] = []
    async with observed(fake, events, attempts=1) as roistat:
        with pytest.raises(errors.TransportError):
            await roistat.calls.list().first()
    assert [type(event) for event in events] == [RequestEvent]


async def test_a_file(fake: FakeRoistat, tmp_path: Path) -> None:
    """The events of a recording hold its size, and no id in the operation."""
    call_id = next(iter(fake.state.recordings))
    events: list[Any] = []
    async with observed(fake, events) as roistat:
        saved = await roistat.calls.download_recording(call_id, to=tmp_path / "a.mp3")
    assert {event.operation for event in events} == {"project/calltracking/call/{id}/file"}
    assert events[1].bytes == saved.size


async def test_another_project_keeps_the_hooks(fake: FakeRoistat) -> None:
    """The client of another project has the same hooks, with its own number in the events."""
    fake.add_project(678, calls=1)
    events: list[Any] = []
    async with observed(fake, events) as roistat:
        await roistat.for_project(678).calls.list().first()
    assert {event.project for event in events} == {678}


@pytest.mark.parametrize("name", ["on_request", "on_response", "on_retry"])
async def test_an_exception_of_a_hook_is_raised(fake: FakeRoistat, name: str) -> None:
    """The request raises the exception of a hook, and the client can be used afterwards."""

    def fail(event: object) -> None:
        raise ZeroDivisionError

    fake.fail("call/list", Fault.status(502))
    async with observed(fake, [], hooks=Hooks(**{name: fail})) as roistat:
        with pytest.raises(ZeroDivisionError):
            await roistat.calls.list().first()
        assert await roistat.scripts.list() if name == "on_retry" else True


@pytest.mark.parametrize("hook", [{"on_request": 5}, {"on_retry": "print"}])
def test_a_hook_must_be_callable(hook: Any) -> None:
    """A hook that cannot be called is refused by its name."""
    with pytest.raises(errors.ConfigurationError, match=next(iter(hook))):
        Hooks(**hook)


async def test_each_attempt_is_logged(fake: FakeRoistat, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the log shows the operation and the result of each attempt."""
    fake.fail("call/list", Fault.status(502))
    caplog.set_level(logging.DEBUG, "roistat_async")
    async with observed(fake, []) as roistat:
        await roistat.calls.list().first()
    first, failed, second = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(rf"{LIST} returned 502 with 0 bytes in \d+ ms, attempt 1", first)
    assert re.fullmatch(rf"{LIST} failed \(ServerError\), attempt 1; retry in .* s", failed)
    assert re.fullmatch(rf"{LIST} returned 200 with \d+ bytes in \d+ ms, attempt 2", second)
    assert {record.name for record in caplog.records} == {"roistat_async"}
