"""What stands in an answer: labels, compression, size, statuses."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from roistat_async import errors
from tests.helpers.clients import client
from tests.helpers.raw_server import (
    OK_BODY,
    Connection,
    RawServer,
    answer,
    per_connection,
    replies,
    success,
)

GOOD = success(data=[])


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 522, 524])
async def test_a_failed_server_is_asked_again(status: int) -> None:
    """A status of a failed server repeats a read and leaves a create open."""
    failing = replies(answer(b"oops", status=f"{status} Oops", kind="text/html"), close=True)
    async with RawServer(per_connection(failing, replies(GOOD), failing, replies(GOOD))) as server:
        async with client(server.base_url, attempts=2) as roistat:
            assert await roistat.scripts.list() == []
            with pytest.raises(errors.OutcomeUnknownError):
                await roistat.phones.create(["74950000001"])
        assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 422])
async def test_a_refusal_is_final(status: int) -> None:
    """A status that says no is an APIError at once, for reads and creates."""
    refusing = replies(answer(b"no", status=f"{status} No", kind="text/plain"), close=True)
    async with RawServer(refusing) as server:
        async with client(server.base_url, attempts=4) as roistat:
            for call in (roistat.scripts.list(), roistat.phones.create(["74950000001"])):
                with pytest.raises(errors.APIError) as caught:
                    await call
                assert caught.value.http_status == status
        assert len(server.requests) == 2


async def test_an_early_no_to_a_long_request_is_heard() -> None:
    """413 before the body was read is Roistat's answer, not a lost one."""

    async def impatient(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(answer(b"too large", status="413 Too Large", kind="text/plain"))
        await connection.closed()

    async with RawServer(impatient) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.InvalidRequestError):
            await roistat.phones.create(["74950000001"] * 70_000)


async def test_many_interim_answers_do_no_harm() -> None:
    """A flood of 1xx before the answer is passed over."""
    flood = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50
    async with RawServer(replies(flood + GOOD)) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


@pytest.mark.parametrize(
    "kind", ["text/html; charset=windows-1251", "application/json; charset=hex"]
)
async def test_labels_do_not_change_the_text(kind: str) -> None:
    """JSON is UTF-8, whatever the label says."""
    body = '{"status": "success", "data": [{"id": 1, "name": "Сценарий"}]}'.encode()
    handler = replies(answer(body, kind=kind))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        (found,) = await roistat.scripts.list()
    assert found.name == "Сценарий"


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "x-unknown"])
async def test_an_unasked_compression_is_refused(coding: str) -> None:
    """aiohttp passes an unknown one on as it is; here it is named."""
    handler = replies(answer(OK_BODY, f"Content-Encoding: {coding}"))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.MalformedResponseError, match=r"compress|valid HTTP"):
            await roistat.scripts.list()


async def test_gzip_is_read() -> None:
    """The compression that was asked for works."""
    handler = replies(answer(gzip.compress(OK_BODY), "Content-Encoding: gzip"))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


async def test_a_bomb_is_stopped_at_the_cap() -> None:
    """200 MB in 200 KB of gzip: an error, and memory for the cap at most."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    handler = replies(answer(bomb, "Content-Encoding: gzip"))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        tracemalloc.start()
        try:
            with pytest.raises(errors.MalformedResponseError, match="larger"):
                await roistat.scripts.list()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 40 << 20


async def test_a_large_error_is_stopped_early() -> None:
    """An error needs no megabytes."""
    handler = replies(answer(bytes(3 << 20), status="500 Oops"))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.RoistatError):
            await roistat.scripts.list()
