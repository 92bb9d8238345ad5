"""The client: how it is made, what it shares, and what it refuses."""

from __future__ import annotations

import asyncio
import copy
import pickle

import aiohttp
import pytest

from roistat_async import ClientOptions, Limits, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import KEY, client, retrying_client

ENVIRONMENT = {"ROISTAT_API_KEY": KEY, "ROISTAT_PROJECT": "77"}


def test_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_env` reads three variables, of a mapping or of the process; options override them."""
    roistat = Roistat.from_env({**ENVIRONMENT, "ROISTAT_BASE_URL": "http://127.0.0.1:9/api"})
    assert (roistat.project, roistat.base_url) == (77, "http://127.0.0.1:9/api")
    assert Roistat.from_env(ENVIRONMENT).base_url.startswith("https://cloud.roistat.com/")
    options: ClientOptions = {"project": 5, "limits": Limits(per_hour=10)}
    roistat = Roistat.from_env(ENVIRONMENT, **options)
    assert (roistat.project, roistat.requests_left) == (5, 10)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert Roistat.from_env().project == 77


def test_a_client_shows_no_key() -> None:
    """The key is not printed with the client, its attributes or a resource; none can be copied."""
    roistat = Roistat(KEY, 1)
    for value in (roistat, vars(roistat), roistat.calls):
        assert KEY not in f"{value!r} {value!s}"
    for export in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(errors.RoistatError, match="cannot be pickled"):
            export(roistat)


async def test_a_session_excludes_network_options() -> None:
    """Network options are refused together with a session, which would ignore them."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(errors.ConfigurationError, match="on the session"):
            Roistat(KEY, 1, session=session, trust_env=True)


async def test_another_project_shares_the_connections(fake: FakeRoistat) -> None:
    """`for_project` shares key and connection, which it never closes, but no request limits."""
    fake.add_project(678)
    async with retrying_client(fake, limits=Limits(per_hour=100)) as roistat:
        await roistat.scripts.list()
        lower = roistat.for_project(678, limits=Limits(per_hour=50))
        async with roistat.for_project(678) as other:
            await other.scripts.list()
        await roistat.scripts.list()
        assert [each.requests_left for each in (roistat, other, lower)] == [98, 99, 50]
    assert [request.project for request in fake.requests] == [fake.project, 678, fake.project]
    assert len({(request.port, request.headers["Api-key"]) for request in fake.requests}) == 1


async def test_a_rate_limit_slows_down_its_project(fake: FakeRoistat) -> None:
    """After a RateLimitError only the project that got it sends fewer requests a second."""
    fake.add_project(678)
    limits = Limits(per_second=10, per_hour=None)
    async with client(fake.base_url, api_key=fake.api_key, limits=limits) as roistat:
        fake.fail("script/list", Fault.error("request_limit_error"))
        with pytest.raises(errors.RateLimitError):
            await roistat.scripts.list()
        assert await _seconds(roistat.for_project(678), requests=10) < 0.5
        assert await _seconds(roistat, requests=10) > 1


async def _seconds(roistat: Roistat, requests: int) -> float:
    """Return how long some requests take by the client's clock, in which only delays count."""
    started = roistat.clock.monotonic()
    for _ in range(requests):
        await roistat.scripts.list()
    return roistat.clock.monotonic() - started


@pytest.mark.parametrize("retry_after", ["1000", "Fri, 01 Jan 2100 00:00:00 GMT", "9" * 10])
async def test_a_long_retry_after_is_not_waited_for(fake: FakeRoistat, retry_after: str) -> None:
    """A Retry-After above the maximum is raised at once and delays no other request."""
    fake.fail("script/list", Fault.retry_after(retry_after))
    async with retrying_client(fake) as roistat, asyncio.timeout(5):
        with pytest.raises(errors.RateLimitError):
            await roistat.scripts.list()
        await roistat.scripts.list()


async def test_a_read_that_is_refused(fake: FakeRoistat) -> None:
    """An invalid key, or a project of another owner, is an error after one request, unshown."""
    key = "f" * 32
    async with retrying_client(fake, api_key=key) as roistat, retrying_client(fake) as owner:
        with pytest.raises(errors.AuthenticationError) as invalid:
            await roistat.calls.list().collect()
        with pytest.raises(errors.AccessDeniedError) as denied:
            await owner.for_project(fake.project + 1).scripts.list()
    assert (invalid.value.code, invalid.value.http_status) == ("authentication_failed", 401)
    assert (denied.value.code, denied.value.http_status) == ("access_denied", 403)
    assert key not in f"{invalid.value!r} {invalid.value}"
    assert len(fake.requests) == 2
