"""What a user meets when Roistat, or something in its place, says no to the client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from roistat_async import RetryPolicy, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client

READS: dict[str, Callable[[Roistat], Awaitable[object]]] = {
    "call/list": lambda roistat: roistat.calls.list().collect(),
    "phone/list": lambda roistat: roistat.phones.list().first(),
    "script/list": lambda roistat: roistat.scripts.list(),
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Give a Roistat without limits."""
    async with FakeRoistat(
        calls=5, quirks=Quirks(rate_per_second=None, rate_per_hour=None)
    ) as fake:
        yield fake


def connected(fake: FakeRoistat, **options: Any) -> Roistat:
    """Give a client that would repeat whatever it may, three times in all."""
    retry = RetryPolicy(max_attempts=3, base_delay=0.001, throttled_base_delay=0.001)
    return client(fake.base_url, **{"api_key": fake.api_key, "retry": retry, **options})


@pytest.mark.parametrize("path", READS)
async def test_a_wrong_key_is_told_at_once(fake: FakeRoistat, path: str) -> None:
    """One request, an error of its own that shows no key, and never an empty list."""
    wrong = "f" * 32
    async with connected(fake, api_key=wrong) as roistat:
        with pytest.raises(errors.AuthenticationError) as caught:
            await READS[path](roistat)
    assert (caught.value.code, caught.value.http_status) == ("authentication_failed", 401)
    assert wrong not in f"{caught.value!r} {caught.value}"
    assert len(fake.requests) == 1


@pytest.mark.parametrize("path", READS)
async def test_a_wrong_project_is_told_at_once(fake: FakeRoistat, path: str) -> None:
    """The key is right, the project is not its owner's: one request, no empty list."""
    async with connected(fake) as roistat:
        with pytest.raises(errors.AccessDeniedError) as caught:
            await READS[path](roistat.for_project(fake.project + 1))
    assert (caught.value.code, caught.value.http_status) == ("access_denied", 403)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("path", READS)
async def test_a_refused_limit_is_waited_for(fake: FakeRoistat, path: str) -> None:
    """Refused twice, answered the third time: the caller sees rows and no error."""
    fake.fail(path, Fault.error("request_limit_error"), times=2)
    async with connected(fake) as roistat:
        assert await READS[path](roistat)
    assert not fake.unused_faults()


@pytest.mark.parametrize("path", READS)
async def test_a_limit_that_stays_refused_is_told(fake: FakeRoistat, path: str) -> None:
    """After all attempts it is a RateLimitError, not an empty list."""
    fake.fail(path, Fault.error("request_limit_error"), times=3)
    async with connected(fake) as roistat:
        with pytest.raises(errors.RateLimitError):
            await READS[path](roistat)
    assert len(fake.requests) == 3


@pytest.mark.parametrize("path", READS)
async def test_a_web_page_is_no_empty_list(fake: FakeRoistat, path: str) -> None:
    """HTML with 200, as of a proxy or a sign-in page, is repeated and then told as what it is."""
    fake.fail(path, Fault.html(), times=3)
    async with connected(fake) as roistat:
        with pytest.raises(errors.MalformedResponseError, match="no JSON"):
            await READS[path](roistat)
    assert len(fake.requests) == 3
