"""No redirect is followed: the key would go along."""

from __future__ import annotations

import pytest

from roistat_async import Limits, errors
from tests.helpers.clients import KEY, client
from tests.helpers.raw_server import Handler, RawServer, answer, replies, success

STATUSES = [301, 302, 303, 307, 308]


def redirecting(status: int, location: str | None) -> Handler:
    headers = [] if location is None else [f"Location: {location}"]
    return replies(answer(b"", *headers, status=f"{status} Elsewhere"))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("scheme", ["http://127.0.0.1", "http://localhost", "https://127.0.0.1"])
async def test_the_other_server_sees_nothing(status: int, scheme: str) -> None:
    """Another port, host or scheme: refused, and no connection is made to it."""
    async with RawServer(replies(success(data=[]))) as other:
        handler = redirecting(status, f"{scheme}:{other.port}/take?key=1")
        async with RawServer(handler) as server, client(server.base_url, attempts=4) as roistat:
            for call in (roistat.scripts.list(), roistat.phones.create(["74950000001"])):
                with pytest.raises(errors.RedirectRefusedError) as caught:
                    await call
        assert (other.connections, len(server.requests)) == (0, 2)
    assert (caught.value.http_status, caught.value.host) == (status, scheme.split("//")[1])
    assert "take" not in str(caught.value)


@pytest.mark.parametrize("location", [None, "", "/api/v1/elsewhere", "ftp://x/", "http://[::1"])
async def test_any_location_is_refused(location: str | None) -> None:
    """The same host, no Location, one that is no address: each refused with one request."""
    one_at_a_time = Limits(per_second=None, per_hour=None, concurrency=1)
    async with RawServer(redirecting(302, location)) as server:
        async with client(server.base_url, attempts=4, limits=one_at_a_time) as roistat:
            for _ in range(2):  # the first returned its permit
                with pytest.raises(errors.RedirectRefusedError):
                    await roistat.scripts.list()
        assert len(server.requests) == 2


async def test_a_recording_is_not_redirected() -> None:
    """A file that was moved to a storage is refused as well: no key, no request."""
    async with (
        RawServer(replies(success(data=[]))) as other,
        RawServer(redirecting(302, f"http://127.0.0.1:{other.port}/1.mp3")) as server,
        client(server.base_url) as roistat,
    ):
        with pytest.raises(errors.RedirectRefusedError):
            async with roistat.calls.recording(1):
                pass
        assert other.connections == 0


async def test_cookies_are_not_replayed() -> None:
    """What a server sets is forgotten."""
    handler = replies(answer(b'{"status": "success", "data": []}', "Set-Cookie: a=b; Path=/"))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        await roistat.scripts.list()
        await roistat.scripts.list()
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_the_key_is_in_its_header_only() -> None:
    """The key is sent once, not in the address; and nothing names versions."""
    good = replies(success(data=[]))
    async with RawServer(good) as server, client(server.base_url) as roistat:
        await roistat.scripts.list()
    (request,) = server.requests
    assert request.count(KEY.encode()) == 1
    assert f"Api-key: {KEY}\r\n".encode() in request
    assert b"python" not in request.lower()
