"""What a user may watch."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Hooks, RequestEvent, ResponseEvent, RetryEvent, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client

LIST = "project/calltracking/call/list"


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Give a Roistat without limits."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=5, quirks=quirks) as fake:
        yield fake


def watched(fake: FakeRoistat, seen: list[Any], **options: Any) -> Roistat:
    hooks = Hooks(on_request=seen.append, on_response=seen.append, on_retry=seen.append)
    given = {"hooks": hooks, "attempts": 3, **options}
    return client(fake.base_url, api_key=fake.api_key, **given)


async def test_a_request_and_its_answer_are_told(fake: FakeRoistat) -> None:
    """In order, with the path, the project, the attempt, the status and the size."""
    seen: list[Any] = []
    async with watched(fake, seen) as roistat:
        assert await roistat.calls.list(sort=("date", "desc")).first()
    asked, answered = seen
    assert asked == RequestEvent(operation=LIST, project=fake.project, attempt=1)
    assert (answered.operation, answered.status, answered.attempt) == (LIST, 200, 1)
    assert answered.bytes > 100
    assert answered.seconds >= 0


async def test_a_repeat_is_told_with_its_error_and_wait(fake: FakeRoistat) -> None:
    """Between the failed attempt's answer and the next request."""
    fake.fail("call/list", Fault.status(502))
    seen: list[Any] = []
    async with watched(fake, seen) as roistat:
        await roistat.calls.list().first()
    kinds = [type(event) for event in seen]
    once = [RequestEvent, ResponseEvent]
    assert kinds == [*once, RetryEvent, *once]
    retry = seen[2]
    assert isinstance(retry.error, errors.ServerError)
    assert (retry.attempt, retry.project) == (1, fake.project)
    assert retry.delay >= 0
    assert [event.attempt for event in seen] == [1, 1, 1, 2, 2]


async def test_no_answer_no_event(fake: FakeRoistat) -> None:
    """A request that was cut off is told as a request only."""
    fake.fail("call/list", Fault.reset())
    seen: list[Any] = []
    async with watched(fake, seen, attempts=1) as roistat:
        with pytest.raises(errors.TransportError):
            await roistat.calls.list().first()
    assert [type(event) for event in seen] == [RequestEvent]


async def test_a_file_is_told_when_it_was_read(fake: FakeRoistat, tmp_path: Path) -> None:
    """With its size, and without the call's id in the operation."""
    call_id = next(iter(fake.state.recordings))
    seen: list[Any] = []
    async with watched(fake, seen) as roistat:
        saved = await roistat.calls.download_recording(call_id, to=tmp_path / "a.mp3")
    assert [event.operation for event in seen] == ["project/calltracking/call/{id}/file"] * 2
    assert seen[1].bytes == saved.size


async def test_other_projects_are_watched_too(fake: FakeRoistat) -> None:
    """for_project keeps the hooks, and tells which project it is."""
    fake.add_project(678, calls=1)
    seen: list[Any] = []
    async with watched(fake, seen) as roistat:
        await roistat.for_project(678).calls.list().first()
    assert {event.project for event in seen} == {678}


@pytest.mark.parametrize("name", ["on_request", "on_response", "on_retry"])
async def test_a_mistake_in_a_hook_comes_out(fake: FakeRoistat, name: str) -> None:
    """It is the user's to see; the client goes on afterwards."""

    def wrong(event: object) -> None:
        raise ZeroDivisionError

    fake.fail("call/list", Fault.status(502))
    async with watched(fake, [], hooks=Hooks(**{name: wrong})) as roistat:
        with pytest.raises(ZeroDivisionError):
            await roistat.calls.list().first()
        assert roistat.requests_left is None
        assert await roistat.scripts.list() if name == "on_retry" else True


@pytest.mark.parametrize("wrong", [{"on_request": 5}, {"on_retry": "print"}])
def test_a_hook_is_something_to_call(wrong: Any) -> None:
    """Checked when it is given."""
    with pytest.raises(errors.ConfigurationError, match=next(iter(wrong))):
        Hooks(**wrong)


async def test_the_log_tells_of_each_attempt(
    fake: FakeRoistat, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG: operation, status, bytes, milliseconds, attempt; and what failed."""
    fake.fail("call/list", Fault.status(502))
    caplog.set_level(logging.DEBUG, "roistat_async")
    async with watched(fake, []) as roistat:
        await roistat.calls.list().first()
    first, failed, second = [record.getMessage() for record in caplog.records]
    assert first.startswith(f"{LIST} answered 502 with 0 bytes in ")
    assert failed.startswith(f"{LIST} failed (ServerError), attempt 1; the next in ")
    assert second.startswith(f"{LIST} answered 200 with ")
    assert second.endswith("attempt 2")
    assert {record.name for record in caplog.records} == {"roistat_async"}
