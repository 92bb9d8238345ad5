"""Hooks and log messages."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest

from roistat_async import CallDraft, Hooks, RequestEvent, ResponseEvent, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import client

LIST = "project/calltracking/call/list"


def observed(fake: FakeRoistat, events: list[Any], **options: Any) -> Roistat:
    """Return a client that appends each event to a list."""
    hooks = Hooks(on_request=events.append, on_response=events.append, on_retry=events.append)
    arguments = {"hooks": hooks, "attempts": 3, **options}
    return client(fake.base_url, api_key=fake.api_key, **arguments)


@pytest.fixture
def events() -> list[Any]:
    """Return the list to which a client appends its events."""
    return []


async def test_each_attempt_and_retry_has_events(fake: FakeRoistat, events: list[Any]) -> None:
    """They hold the path, the project, the attempt, the status, the size, the time, the error."""
    fake.fail("call/list", Fault.status(502))
    project = 678
    fake.add_project(project, calls=1)
    async with observed(fake, events) as roistat:
        assert await roistat.for_project(project).calls.list().first()
    request, failed, retry, second, response = events
    assert request == RequestEvent(operation=LIST, project=project, attempt=1)
    assert (failed.status, retry.attempt, second.attempt) == (502, 1, 2)
    assert isinstance(retry.error, errors.ServerError)
    assert {event.project for event in events} == {project}
    assert retry.delay >= 0
    assert (response.operation, response.status, response.attempt) == (LIST, 200, 2)
    assert response.bytes > 100
    assert response.seconds >= 0


async def test_a_file(fake: FakeRoistat, events: list[Any], tmp_path: Path) -> None:
    """The events of a recording hold its size, and no id in the operation."""
    call_id = next(iter(fake.state.recordings))
    async with observed(fake, events) as roistat:
        saved = await roistat.calls.download_recording(call_id, to=tmp_path / "a.mp3")
    assert {event.operation for event in events} == {"project/calltracking/call/{id}/file"}
    assert events[1].bytes == saved.size


def fail(_: object) -> NoReturn:
    raise ZeroDivisionError


RAISING = Hooks(on_request=fail, on_response=fail, on_retry=fail, on_error=fail)


async def test_a70_a_hook_that_raises_is_logged(
    fake: FakeRoistat, caplog: pytest.LogCaptureFixture
) -> None:
    """The request goes on, so a create that was carried out is returned; each hook is named."""
    fake.fail("phone-call", Fault.error("request_limit_error"))
    draft = CallDraft(callee="74950000001", caller="79000000002", date=datetime.now(UTC))
    async with observed(fake, [], hooks=RAISING) as roistat:
        assert (await roistat.calls.create(draft)).callee == draft.callee
        with pytest.raises(errors.NotFoundError):
            await roistat.scripts.delete(999)
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    for name in ("on_request", "on_response", "on_retry", "on_error"):
        assert any(f"{name} raised ZeroDivisionError" in message for message in logged)
    assert sum(request.path.endswith("phone-call") for request in fake.requests) == 2


async def test_a70_a_logger_that_raises_breaks_nothing(fake: FakeRoistat) -> None:
    """A filter of the program fails at each message, and every operation still succeeds."""
    logger = logging.getLogger("roistat_async")
    fake.fail("call/list", Fault.status(502))
    logger.addFilter(fail)
    try:
        async with observed(fake, [], hooks=RAISING) as roistat:
            assert await roistat.calls.list().first()
    finally:
        logger.removeFilter(fail)


async def test_a70_an_exception_that_ends_the_program_passes(fake: FakeRoistat) -> None:
    """KeyboardInterrupt, SystemExit and a cancellation inside a hook are not swallowed."""
    cancelled = Hooks(on_response=Mock(side_effect=asyncio.CancelledError))
    async with observed(fake, [], hooks=cancelled) as roistat:
        with pytest.raises(asyncio.CancelledError):
            await roistat.scripts.list()


@pytest.mark.parametrize(
    ("fault", "kind", "attempts", "statuses"),
    [
        (Fault.status(502), errors.ServerError, 3, [502] * 3),
        (Fault.reset(), errors.TransportError, 3, []),
        (Fault.status(404), errors.NotFoundError, 1, [404]),
        (Fault.redirect("/x"), errors.RedirectRefusedError, 1, [302]),
        (Fault.reset(), errors.OutcomeUnknownError, 1, []),
    ],
    ids=["502", "reset", "404", "redirect", "lost create"],
)
async def test_a_final_failure_has_its_event(
    fake: FakeRoistat,
    events: list[Any],
    fault: Fault,
    kind: Any,
    attempts: int,
    statuses: list[int],
) -> None:
    """on_error gets the error that is raised, once; a lost response has no response event."""
    is_create = kind is errors.OutcomeUnknownError
    path = "phone/create" if is_create else "script/list"
    fake.fail(path, fault, times=3)
    hooks = Hooks(on_error=events.append, on_response=events.append)
    async with observed(fake, [], hooks=hooks) as roistat:
        with pytest.raises(kind) as caught:
            await (roistat.phones.create(["7495"]) if is_create else roistat.scripts.list())
    *before, event = events
    assert event.operation == f"project/calltracking/{path}"
    assert (event.project, event.attempts) == (fake.project, attempts)
    assert event.error is caught.value
    assert [(type(event), event.status, event.bytes) for event in before] == [
        (ResponseEvent, status, 0) for status in statuses
    ]


@pytest.mark.parametrize("hook", [{"on_request": 5}, {"on_retry": ""}, {"on_error": asyncio.sleep}])
def test_a_hook_must_be_a_plain_function(hook: Any) -> None:
    """A hook that cannot be called, or that nobody would await, is refused by its name."""
    with pytest.raises(errors.ConfigurationError, match=next(iter(hook))):
        Hooks(**hook)


async def test_each_attempt_is_logged(fake: FakeRoistat, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the log shows the operation and the result of each attempt; a retry is a warning."""
    fake.fail("call/list", Fault.status(502))
    caplog.set_level(logging.DEBUG, "roistat_async")
    async with observed(fake, []) as roistat:
        await roistat.calls.list().first()
    first, failed, second = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(rf"{LIST} returned 502 with 0 bytes in \d+ ms, attempt 1", first)
    assert re.fullmatch(rf"{LIST} failed \(ServerError\), attempt 1; retry in .* s", failed)
    assert re.fullmatch(rf"{LIST} returned 200 with \d+ bytes in \d+ ms, attempt 2", second)
    assert {record.name for record in caplog.records} == {"roistat_async"}
    assert [record.levelname for record in caplog.records] == ["DEBUG", "WARNING", "DEBUG"]
