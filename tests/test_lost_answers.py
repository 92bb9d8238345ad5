"""What a client does when it is not answered, or is refused for now."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from roistat_async import (
    CallDraft,
    RetryPolicy,
    Roistat,
    ScriptDraft,
    ScriptOptions,
    errors,
)
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client

NUMBER = "74959999999"
CALL = CallDraft(callee=NUMBER, caller="79000000002", date=datetime(2026, 5, 1, 9, 30, tzinfo=UTC))
SCRIPT = ScriptDraft(name="New", options=ScriptOptions(replaceable_numbers=[NUMBER]))
LOST = [Fault.reset, Fault.close_silently, Fault.truncated, Fault.html, lambda: Fault.status(502)]


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Give a Roistat without limits."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=20, quirks=quirks) as fake:
        yield fake


def connected(fake: FakeRoistat, **options: Any) -> Roistat:
    """Give a client that would repeat whatever it may, by the true time of day."""
    retry = RetryPolicy(max_attempts=4, base_delay=0.001, throttled_base_delay=0.001, **options)
    return client(fake.base_url, api_key=fake.api_key, clock=None, retry=retry)


def arrived(fake: FakeRoistat, end: str) -> int:
    return sum(seen.path.endswith(end) for seen in fake.requests)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("is_applied", [True, False])
async def test_lost_numbers_are_found_or_not(
    fake: FakeRoistat, fault: Any, is_applied: bool
) -> None:
    """phones.create: sent once; resolve finds the numbers if they are there, else None."""
    lost = fault().after_applying() if is_applied else fault()
    fake.fail("phone/create", lost)
    async with connected(fake) as roistat:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.phones.create([NUMBER])
        found = await roistat.resolve(caught.value)
    is_there = is_applied or fault == Fault.truncated
    assert [phone.phone for phone in found or []] == ([NUMBER] if is_there else [])
    assert (found is None) == (not is_there)
    assert arrived(fake, "phone/create") == 1


@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_lost_call_is_found_or_not(fake: FakeRoistat, is_applied: bool) -> None:
    """calls.create: found by its second and its numbers."""
    fake.fail("phone-call", Fault.reset().after_applying() if is_applied else Fault.reset())
    async with connected(fake) as roistat:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.calls.create(CALL)
        found = await roistat.resolve(caught.value)
    assert (found.caller if found else None) == (CALL.caller if is_applied else None)
    assert arrived(fake, "phone-call") == 1


@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_lost_script_is_found_or_not(fake: FakeRoistat, is_applied: bool) -> None:
    """scripts.create: found by its name among the young ones."""
    fake.fail("script/create", Fault.reset().after_applying() if is_applied else Fault.reset())
    async with connected(fake) as roistat:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.scripts.create(SCRIPT)
        found = await roistat.resolve(caught.value)
    assert (found.name if found else None) == ("New" if is_applied else None)
    assert arrived(fake, "script/create") == 1


async def test_two_that_could_be_it_are_told(fake: FakeRoistat) -> None:
    """Two scripts of one name: resolve does not guess."""
    async with connected(fake) as roistat:
        await roistat.scripts.create(SCRIPT)
        fake.fail("script/create", Fault.reset().after_applying())
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.scripts.create(SCRIPT)
        with pytest.raises(errors.RoistatError, match="2 records"):
            await roistat.resolve(caught.value)


async def test_a_pickled_error_says_it_cannot_be_resolved(fake: FakeRoistat) -> None:
    """What it takes to look is in no pickle, and the error says so."""
    fake.fail("phone/create", Fault.reset())
    async with connected(fake) as roistat:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.phones.create([NUMBER])
        copied = pickle.loads(pickle.dumps(caught.value))
        assert (copied.operation, copied.sent_at) == (caught.value.operation, caught.value.sent_at)
        with pytest.raises(errors.ConfigurationError, match="pickled"):
            await roistat.resolve(copied)


async def test_a_create_is_repeated_after_the_limiter(fake: FakeRoistat) -> None:
    """request_limit_error: nothing happened, so the create is sent again and happens once."""
    fake.fail("phone/create", Fault.error("request_limit_error"), times=2)
    async with connected(fake) as roistat:
        (phone,) = await roistat.phones.create([NUMBER])
    assert phone.phone == NUMBER
    assert arrived(fake, "phone/create") == 3


async def test_a_lost_change_is_left_open(fake: FakeRoistat) -> None:
    """Unasked, a change is sent once; there is nothing to look for."""
    fake.fail("phone/update", Fault.reset())
    async with connected(fake) as roistat:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await roistat.phones.update(1, script_id=2)
        with pytest.raises(errors.ConfigurationError, match="no create"):
            await roistat.resolve(caught.value)
    assert arrived(fake, "phone/update") == 1


async def test_a_change_is_repeated_by_opt_in(fake: FakeRoistat) -> None:
    """RetryPolicy(retry_updates=True) sends it again; a create all the same is not."""
    fake.fail("phone/update", Fault.reset(), times=2)
    fake.fail("phone/create", Fault.reset())
    async with connected(fake, retry_updates=True) as roistat:
        await roistat.phones.update(1, script_id=2)
        with pytest.raises(errors.OutcomeUnknownError):
            await roistat.phones.create([NUMBER])
    assert (arrived(fake, "phone/update"), arrived(fake, "phone/create")) == (3, 1)


async def test_a_repeated_delete_that_finds_nothing_is_done(fake: FakeRoistat) -> None:
    """The first one happened and its answer was lost: not found is what was wanted."""
    fake.fail("script/delete", Fault.reset().after_applying())
    async with connected(fake, retry_updates=True) as roistat:
        await roistat.scripts.delete(1)
    assert arrived(fake, "script/delete") == 2
    assert 1 not in [script["id"] for script in fake.state.scripts]


@pytest.mark.parametrize("before", [None, Fault.error("request_limit_error")])
async def test_a_delete_that_finds_nothing_says_so(fake: FakeRoistat, before: Fault | None) -> None:
    """Where no answer was lost, not found is an error, after a refusal as well."""
    if before is not None:
        fake.fail("script/delete", before)
    async with connected(fake, retry_updates=True) as roistat:
        with pytest.raises(errors.NotFoundError):
            await roistat.scripts.delete(999)


async def test_an_unsent_create_is_proved_unsent(fake: FakeRoistat) -> None:
    """No connection: NotSentError, not OutcomeUnknownError."""
    base_url, key = fake.base_url, fake.api_key
    await fake.stop()
    async with client(base_url, api_key=key) as roistat:
        with pytest.raises(errors.NotSentError):
            await roistat.phones.create([NUMBER])


async def test_another_project_does_not_answer_for_it(fake: FakeRoistat) -> None:
    """An error is resolved by the client of its project; another one would not find the record."""
    fake.add_project(678)
    fake.fail("phone/create", Fault.reset().after_applying())
    async with connected(fake) as roistat:
        other = roistat.for_project(678)
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await other.phones.create([NUMBER])
        assert caught.value.project == 678
        with pytest.raises(errors.ConfigurationError, match="project 678"):
            await roistat.resolve(caught.value)
        found = await other.resolve(caught.value)
    assert [phone.phone for phone in found] == [NUMBER]


@pytest.mark.parametrize("comment", [None, "Call back"])
async def test_a_token_tells_twins_apart(fake: FakeRoistat, comment: str | None) -> None:
    """With dedupe_token a lost call is found even where one just like it exists, or not found."""
    draft = evolve(CALL, comment=comment, duration=40)
    fake.state.add_call(
        date=draft.date, callee=draft.callee, caller=draft.caller, comment=comment, duration=40
    )
    for fault, is_there in ((Fault.reset().after_applying(), True), (Fault.reset(), False)):
        fake.fail("phone-call", fault)
        async with connected(fake) as roistat:
            with pytest.raises(errors.OutcomeUnknownError) as caught:
                await roistat.calls.create(draft, dedupe_token=True)
            found = await roistat.resolve(caught.value)
        assert (found is not None) is is_there
        assert found is None or found.comment.startswith(comment or "[")
