"""The client: how it is made, what it shares, and what it does when an answer is lost."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from roistat_async import (
    Limits,
    RetryPolicy,
    Roistat,
    errors,
)
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import KEY, client


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


def test_a_client_is_made_of_the_environment() -> None:
    """Three variables; arguments go before them."""
    environ = {"ROISTAT_API_KEY": KEY, "ROISTAT_PROJECT": "77"}
    roistat = Roistat.from_env(environ)
    assert (roistat.project, Roistat.from_env(environ, project=5).project) == (77, 5)
    assert "cloud.roistat.com" in repr(roistat)
    local = {**environ, "ROISTAT_BASE_URL": "http://127.0.0.1:9/api"}
    assert "127.0.0.1:9" in repr(Roistat.from_env(local))


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping, `from_env` reads the environment of the process."""
    monkeypatch.setenv("ROISTAT_API_KEY", KEY)
    monkeypatch.setenv("ROISTAT_PROJECT", "678")
    monkeypatch.delenv("ROISTAT_BASE_URL", raising=False)
    assert Roistat.from_env().project == 678


def test_a_client_shows_no_key() -> None:
    """Neither it nor its parts, however they are printed."""
    roistat = Roistat(KEY, 1)
    for part in (roistat, vars(roistat), roistat._config, roistat.calls, roistat._endpoint):
        assert KEY not in f"{part!r} {part!s}"


def test_a_client_is_not_copied() -> None:
    """Connections and a key belong to one process: pickling and copying are refused, in words."""
    roistat = Roistat(KEY, 1)
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(errors.RoistatError, match="cannot be pickled"):
            act(roistat)


async def test_a_borrowed_session_brings_its_own_network() -> None:
    """proxy, ssl_context and trust_env beside a session would be ignored, so they are refused."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(errors.ConfigurationError, match="borrowed"):
            Roistat(KEY, 1, session=session, trust_env=True)


async def test_another_project_shares_the_connections(fake: FakeRoistat) -> None:
    """The same key and connection, another number in the query."""
    fake.add_project(678, calls=5)
    async with connected(fake) as roistat:
        other = roistat.for_project(678)
        await roistat.scripts.list()
        await other.scripts.list()
    first, second = fake.requests
    assert (first.project, second.project) == (fake.project, 678)
    assert first.port == second.port
    assert first.headers["Api-key"] == second.headers["Api-key"]


async def test_another_project_has_limits_of_its_own(fake: FakeRoistat) -> None:
    """One project's refusal slows down that project only."""
    fake.add_project(678)
    async with client(
        fake.base_url, api_key=fake.api_key, limits=Limits(per_second=10, per_hour=None)
    ) as roistat:
        other = roistat.for_project(678)
        lower = roistat.for_project(678, limits=Limits(per_second=2))
        fake.fail("script/list", Fault.error("request_limit_error"))
        with pytest.raises(errors.RateLimitError):
            await roistat.scripts.list()
        rates = [one._endpoint.governor.per_second for one in (roistat, other, lower)]
    assert rates == [5, 10, 2]


async def test_another_project_closes_nothing(fake: FakeRoistat) -> None:
    """Leaving it leaves the connections of the client it came from."""
    fake.add_project(678)
    async with connected(fake) as roistat:
        async with roistat.for_project(678) as other:
            await other.scripts.list()
        await roistat.scripts.list()
    assert fake.requests[0].port == fake.requests[1].port


@pytest.mark.parametrize("retry_after", ["1000", "Fri, 01 Jan 2100 00:00:00 GMT", "9" * 10])
async def test_too_long_a_pause_stops_nobody_else(fake: FakeRoistat, retry_after: str) -> None:
    """A Retry-After above the cap is told at once, and other requests are not kept waiting."""
    fake.fail("script/list", Fault.retry_after(retry_after))
    async with connected(fake) as roistat, asyncio.timeout(5):
        with pytest.raises(errors.RateLimitError):
            await roistat.scripts.list()
        await roistat.scripts.list()


async def test_a_wrong_argument_costs_no_request(fake: FakeRoistat) -> None:
    """Checked before any I/O: nothing arrives."""
    async with connected(fake) as roistat:
        with pytest.raises(errors.ConfigurationError):
            roistat.calls.list(filters=[("dat", "=", 1)])
        with pytest.raises(errors.ConfigurationError):
            await roistat.phones.create(["+7 495"])
    assert fake.requests == []
