"""Rows H that fit in no table: Retry-After, redirects to a second server, cookies, encodings."""

from __future__ import annotations

from pathlib import Path

import pytest

from roistat_async import RetryPolicy, errors
from tests.faults.fault_case import ALL, WRITES, create, download, failure, read
from tests.faults.secrets import SECRET_TEXT, check
from tests.helpers.clients import KEY, client
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import FaultServer, sends, true_answer
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, replies, success

pytestmark = pytest.mark.usefixtures("nothing_left")

LIMITED = b'{"status": "error", "error": "request_limit_error"}'
DATE = "Date: Fri, 01 May 2026 09:00:00 GMT"
SCHEMES = ["http://127.0.0.1", "http://localhost", "https://127.0.0.1", "//127.0.0.1"]


def refusal_with_retry_after(value: str, status: int = 429) -> Handler:
    """Refuse with Retry-After."""
    body = LIMITED if status == 429 else SECRET_TEXT
    return sends(answer(body, DATE, f"Retry-After: {value}", status=f"{status} No"), end="serve")


async def delays_of(fault: Handler, jitter: float) -> list[float]:
    """Read through a fault; return the delays before retries."""
    clock = JumpingClock(jitter)
    retry = RetryPolicy(max_attempts=2, base_delay=0.25, throttled_base_delay=1.0, deadline=600)
    async with FaultServer(fault) as server:
        async with client(server.base_url, retry=retry, clock=clock.clock) as roistat:
            await read(roistat)
        assert len(server.requests) == 2
    return clock.slept


@pytest.mark.parametrize("jitter", [0.0, 1.0])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["7", "120", "Fri, 01 May 2026 09:00:07 GMT"])
async def test_h1_h2_retry_after_is_honoured(status: int, value: str, jitter: float) -> None:
    """Retry-After in seconds or as a date is waited for: never less, at most a little more."""
    (wait,) = await delays_of(refusal_with_retry_after(value, status), jitter)
    seconds = 120 if value == "120" else 7
    assert seconds <= wait <= min(120, seconds + 1)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["61", "9999999999", "Fri, 01 May 2026 09:05:00 GMT"])
async def test_h1_a_long_retry_after_is_raised_at_once(
    status: int, value: str, tmp_path: Path
) -> None:
    """A Retry-After above RetryPolicy.max_retry_after is raised after one request."""
    clock = JumpingClock()
    async with FaultServer(refusal_with_retry_after(value, status)) as server:
        patient = RetryPolicy(max_attempts=4, deadline=1e12, max_retry_after=60)
        async with client(server.base_url, retry=patient, clock=clock.clock) as roistat:
            error = await failure(lambda *_: read(roistat), roistat, tmp_path)
        assert len(server.requests) == 1
    assert isinstance(error, errors.RateLimitError if status == 429 else errors.ServerError)
    assert error.retry_after == (300 if "May" in value else int(value))
    assert clock.slept == []
    check(error)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "value", ["", "-7", "soon", "Fri, 01 May 2020 09:00:00 GMT", SECRET_TEXT.decode()]
)
async def test_h2_h3_a_past_or_invalid_retry_after_is_ignored(status: int, value: str) -> None:
    """A Retry-After that is past or invalid gives the usual wait."""
    usual = 1.0 if status == 429 else 0.25
    assert await delays_of(refusal_with_retry_after(value, status), 1.0) == [usual]


@pytest.mark.parametrize("name", [*WRITES, "calls", "download"])
@pytest.mark.parametrize("status", [200, 429])
async def test_h1_a_limited_request_is_always_retried(
    name: str, status: int, tmp_path: Path
) -> None:
    """A request refused by the rate limiter is retried, a create too, whatever the status."""
    limited = sends(answer(LIMITED, status=f"{status} No"))
    async with (
        FaultServer(*[limited] * 2) as server,
        client(server.base_url, attempts=3) as roistat,
    ):
        await ALL[name](roistat, tmp_path)
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_h6_s1_the_other_server_sees_nothing(
    status: int, scheme: str, tmp_path: Path
) -> None:
    """A redirect to another port, host or scheme makes no connection, so no key is sent."""
    async with RawServer(replies(success(data=[]))) as other:
        location = f"Location: {scheme}:{other.port}/take?key={KEY}"
        fault = sends(answer(SECRET_TEXT, location, status=f"{status} Go"))
        async with FaultServer(*[fault] * len(ALL)) as server:
            for operation in ALL.values():
                async with client(server.base_url, attempts=4) as roistat:
                    error = await failure(operation, roistat, tmp_path)
                assert isinstance(error, errors.RedirectRefusedError)
                assert (error.http_status, error.host) == (status, scheme.split("//")[1])
                check(error)
        assert (other.connections, len(server.requests)) == (0, len(ALL))


async def test_h7_cookies_are_not_replayed(tmp_path: Path) -> None:
    """Cookies are not sent by the next read, write or download."""

    async def baking(connection: Connection) -> None:
        while request := await connection.request():
            cookie = b"\r\nSet-Cookie: sid=1; Path=/; Max-Age=9999\r\n\r\n"
            await connection.send(true_answer(request).replace(b"\r\n\r\n", cookie, 1))

    async with FaultServer(then=baking) as server:
        by_name = server.base_url.replace("127.0.0.1", "localhost")  # of a number none is kept
        async with client(by_name) as roistat:
            for _ in range(2):
                await read(roistat)
                await create(roistat)
                await download(roistat, tmp_path)
    assert len(server.requests) == 6
    assert not any(b"cookie" in request.lower() for request in server.requests)
