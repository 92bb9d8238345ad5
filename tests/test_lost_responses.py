"""Writes whose response is lost: what is sent again, and what `resolve` finds."""

from __future__ import annotations

import pickle
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from roistat_async import Call, CallDraft, Phone, Roistat, ScriptDraft, ScriptOptions, errors
from roistat_async.models.scripts import Script
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import retrying_client

NUMBER = "74959999999"
DATE = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
CALL = CallDraft(callee=NUMBER, caller="79000000002", date=DATE, duration=40)
SIMILAR = {name: getattr(CALL, name) for name in ("date", "callee", "caller", "duration")}
SCRIPT = ScriptDraft(name="New", options=ScriptOptions(replaceable_numbers=[NUMBER]))
# path, model -> a create
CREATES: dict[tuple[str, type[Any]], Callable[[Roistat], Awaitable[object]]] = {
    ("phone/create", Phone): lambda roistat: roistat.phones.create([NUMBER]),
    ("phone-call", Call): lambda roistat: roistat.calls.create(CALL),
    ("script/create", Script): lambda roistat: roistat.scripts.create(SCRIPT),
}


def received(fake: FakeRoistat, end: str) -> int:
    return sum(request.path.endswith(end) for request in fake.requests)


async def lose(action: Awaitable[object]) -> errors.OutcomeUnknownError:
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        await action
    return caught.value


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client that retries reads, but no updates."""
    async with retrying_client(fake) as roistat:
        yield roistat


@pytest.mark.parametrize(("path", "model"), CREATES)
@pytest.mark.parametrize("is_applied", [True, False])
async def test_resolve(
    fake: FakeRoistat, roistat: Roistat, path: str, model: Any, is_applied: bool
) -> None:
    """`resolve` returns the record if the create was carried out, otherwise None."""
    fake.fail(path, Fault.reset().after_applying() if is_applied else Fault.reset())
    error = await lose(CREATES[path, model](roistat))
    record = await roistat.resolve(error)
    assert record == await roistat.resolve(error, model)
    records = record if isinstance(record, list) else [record]
    assert [type(record) for record in records] == [model if is_applied else type(None)]
    assert received(fake, path) == 1


@pytest.mark.parametrize(
    ("write", "advice"),
    [
        (CREATES["phone/create", Phone], r"`await roistat\.resolve\(error\)`"),
        (lambda roistat: roistat.phones.delete([NUMBER]), r"RetryPolicy\(retry_updates=True\)"),
    ],
    ids=["create", "delete"],
)
async def test_the_error_names_its_cause(
    fake: FakeRoistat, roistat: Roistat, write: Callable[[Roistat], Awaitable[object]], advice: str
) -> None:
    """The text says what happened, and what to do after a write of this kind."""
    fake.fail("*", Fault.status(503))
    error = await lose(write(roistat))
    assert re.search(f"Roistat returned http_503.*{advice}", str(error))


async def test_resolve_ignores_older_scripts(fake: FakeRoistat, roistat: Roistat) -> None:
    """A script of the same name that is older than the request is not taken for the lost one."""
    await roistat.scripts.create(SCRIPT)
    fake.state.scripts[-1]["creation_date"] = "2016-08-23T10:23:37+0000"
    fake.fail("script/create", Fault.reset())
    assert await roistat.resolve(await lose(roistat.scripts.create(SCRIPT))) is None


async def test_resolve_refuses_another_model(fake: FakeRoistat, roistat: Roistat) -> None:
    """A model that the create did not make is refused without a request."""
    fake.fail("phone-call", Fault.reset())
    error = await lose(roistat.calls.create(CALL))
    with pytest.raises(errors.ConfigurationError, match="pass Call"):
        await roistat.resolve(error, Script)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(("path", "model"), [("script/create", Script), ("phone-call", Call)])
async def test_resolve_does_not_guess(
    fake: FakeRoistat, roistat: Roistat, path: str, model: Any
) -> None:
    """Two records that match the draft make `resolve` raise an error."""
    await CREATES[path, model](roistat)
    fake.fail(path, Fault.reset().after_applying())
    error = await lose(CREATES[path, model](roistat))
    with pytest.raises(errors.RoistatError, match="2 records"):
        await roistat.resolve(error)


@pytest.mark.parametrize("change", [{"caller": "79001"}, {"callee": "7495"}, {"duration": 41}])
async def test_resolve_compares_fields(fake: FakeRoistat, roistat: Roistat, change: Any) -> None:
    """A call of the same second with another number or duration is not taken for the lost one."""
    fake.state.add_call(**SIMILAR | change)
    fake.fail("phone-call", Fault.reset())
    assert await roistat.resolve(await lose(roistat.calls.create(CALL))) is None


# path -> what cannot be read in a record that may be the lost one
UNREADABLE: dict[tuple[str, type[Any]], list[dict[str, Any]]] = {
    ("phone-call", Call): [{"id": ""}, {"caller": [NUMBER]}, {"duration": "long"}],
    ("phone/create", Phone): [{"id": ""}, {"phone": [NUMBER]}],
    ("script/create", Script): [{"id": ""}, {"name": ["New"]}, {"creation_date": "today"}],
}


@pytest.mark.parametrize(
    ("path", "model", "change"),
    [(*create, change) for create, changes in UNREADABLE.items() for change in changes],
    ids=str,
)
async def test_j29_a_candidate_that_cannot_be_read_is_ambiguous(
    path: str, model: type[Any], change: dict[str, Any], fake: FakeRoistat, roistat: Roistat
) -> None:
    """`resolve` raises an error: None would invite a second create."""
    fake.fail(path, Fault.reset().after_applying())
    error = await lose(CREATES[path, model](roistat))
    created = {Call: fake.state.calls, Phone: fake.state.phones, Script: fake.state.scripts}
    max(created[model], key=lambda row: int(row["id"])).update(change)
    with pytest.raises(errors.RoistatError, match="cannot be read"):
        await roistat.resolve(error)


async def test_a_pickled_error_cannot_be_resolved(fake: FakeRoistat, roistat: Roistat) -> None:
    """An error that was pickled says that it cannot be resolved any more."""
    fake.fail("phone/create", Fault.reset())
    error = await lose(roistat.phones.create([NUMBER]))
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.operation, copied.sent_at) == (error.operation, error.sent_at)
    with pytest.raises(errors.ConfigurationError, match="pickled"):
        await roistat.resolve(copied)


async def test_an_error_of_another_project_is_refused(fake: FakeRoistat, roistat: Roistat) -> None:
    """Only a client of the error's project can resolve it: another one lists other records."""
    fake.add_project(678)
    fake.fail("phone/create", Fault.reset().after_applying())
    other = roistat.for_project(678)
    error = await lose(other.phones.create([NUMBER]))
    assert error.project == 678
    with pytest.raises(errors.ConfigurationError, match="project 678"):
        await roistat.resolve(error)
    assert await other.resolve(error)


@pytest.mark.parametrize("comment", [None, "Call back"])
@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_dedupe_token(
    fake: FakeRoistat, roistat: Roistat, comment: str | None, is_applied: bool
) -> None:
    """With `dedupe_token`, `resolve` does not take a similar call for the lost one."""
    draft = evolve(CALL, comment=comment)
    fake.state.add_call(**SIMILAR, comment=comment)
    fake.fail("phone-call", Fault.reset().after_applying() if is_applied else Fault.reset())
    error = await lose(roistat.calls.create(draft, dedupe_token=True))
    call = await roistat.resolve(error, Call)
    assert (call is not None) is is_applied
    assert call is None or (call.comment or "").startswith(comment or "[")


async def test_an_update_cannot_be_resolved(fake: FakeRoistat, roistat: Roistat) -> None:
    """By default a lost update is not sent again, and there is nothing to look for."""
    fake.fail("phone/update", Fault.reset())
    error = await lose(roistat.phones.update(1, script_id=2))
    with pytest.raises(errors.ConfigurationError, match="not about a create"):
        await roistat.resolve(error)
    assert received(fake, "phone/update") == 1


async def test_a_retried_delete_that_finds_nothing(fake: FakeRoistat) -> None:
    """`not_found` means deleted after a lost response; after none or a refusal it is an error."""
    fake.fail("script/delete", Fault.reset().after_applying())
    async with retrying_client(fake, retry_updates=True) as roistat:
        await roistat.scripts.delete(1)
        assert received(fake, "script/delete") == 2
        assert 1 not in [script["id"] for script in fake.state.scripts]
        for fault in (Fault.delay(0), Fault.error("request_limit_error")):
            fake.fail("script/delete", fault)
            with pytest.raises(errors.NotFoundError):
                await roistat.scripts.delete(999)
