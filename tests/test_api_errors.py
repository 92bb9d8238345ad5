"""Errors that Roistat, or a proxy, returns for a read: none of them looks like an empty list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from roistat_async import RetryPolicy, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import client, retrying_client

Read = Callable[[Roistat], Awaitable[object]]
READS: dict[str, Read] = {
    "call/list": lambda roistat: roistat.calls.list().collect(),
    "phone/list": lambda roistat: roistat.phones.list().first(),
    "script/list": lambda roistat: roistat.scripts.list(),
}
each_read = pytest.mark.parametrize("path", READS)


@each_read
async def test_a_read_that_is_refused(fake: FakeRoistat, path: str) -> None:
    """An invalid key, or a project of another owner, is an error after one request, unshown."""
    key = "f" * 32
    async with retrying_client(fake, api_key=key) as roistat, retrying_client(fake) as owner:
        with pytest.raises(errors.AuthenticationError) as invalid:
            await READS[path](roistat)
        with pytest.raises(errors.AccessDeniedError) as denied:
            await READS[path](owner.for_project(fake.project + 1))
    assert (invalid.value.code, invalid.value.http_status) == ("authentication_failed", 401)
    assert (denied.value.code, denied.value.http_status) == ("access_denied", 403)
    assert key not in f"{invalid.value!r} {invalid.value}"
    assert len(fake.requests) == 2


@each_read
async def test_a_persistent_rate_limit_is_raised(fake: FakeRoistat, path: str) -> None:
    """A read that the rate limit refuses until the deadline raises the last error."""
    fake.fail(path, Fault.error("request_limit_error"), times=1000)
    retry = RetryPolicy(max_attempts=2, deadline=100)
    async with client(fake.base_url, api_key=fake.api_key, retry=retry) as roistat:
        with pytest.raises(errors.RateLimitError, match="request_limit_error"):
            await READS[path](roistat)
    assert len(fake.requests) > 2
