"""No exception leads to the key, to a phone number or to a body (rule 10)."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from roistat_async import Period, Roistat, Timeouts, errors
from tests.helpers.clients import KEY, QUICK, client
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, closed_port, replies

MARKER = "b0dyMarker"
PHONE = "79261234567"
SENT_PHONE = "74950000001"
SECRETS = (KEY, MARKER, PHONE, SENT_PHONE)
TOLD = f'{MARKER} {PHONE} {KEY}'.encode()  # fmt: skip


def cut(*data: bytes, reset: bool = False) -> Handler:
    async def handler(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"".join(data))
        if reset:
            await asyncio.sleep(0.01)
            connection.reset()

    return handler


async def stalled(connection: Connection) -> None:
    await connection.request()
    await connection.send(answer(TOLD)[:-4])
    await connection.closed()


FAULTS: dict[str, Handler] = {
    "reset": cut(b"", reset=True),
    "closed": cut(b""),
    "half headers": cut(b"HTTP/1.1 200 OK\r\nX: " + TOLD),
    "another protocol": cut(TOLD + b"\r\n\r\n"),
    "cut": cut(answer(TOLD + b"...")[:-3]),
    "cut chunk": cut(answer(b"", framing="Transfer-Encoding: chunked"), b"ff\r\n", TOLD),
    "bad chunk": cut(answer(b"", framing="Transfer-Encoding: chunked"), b"zz\r\n", TOLD),
    "bad gzip": cut(answer(TOLD, "Content-Encoding: gzip")),
    "unknown compression": cut(answer(TOLD, "Content-Encoding: br2")),
    "web page": replies(answer(b"<html>" + TOLD, kind="text/html")),
    "half json": replies(answer(b'{"status": "success", "data": [{"a": "' + TOLD)),
    "wrong bytes": replies(answer(b'{"status": "success", "data": "\xff' + TOLD)),
    "no status": replies(answer(b'{"data": ["' + TOLD + b'"]}')),
    "wrong shape": replies(answer(b'{"status": "success", "data": "' + TOLD + b'"}')),
    "wrong row": replies(
        answer(b'{"status": "success", "data": [{"id": {"' + TOLD + b'": 1}, "name": 7}]}')
    ),
    "500": replies(answer(TOLD, status="500 Oops")),
    "403": replies(answer(b"<b>" + TOLD, status="403 No")),
    "redirect": replies(answer(b"", f"Location: http://x/{MARKER}/{KEY}", status="302 Go")),
    "cookie": replies(answer(TOLD, f"Set-Cookie: a={KEY}", status="503 Later")),
    "silent": stalled,
}

Call = Callable[[Roistat, Path], Awaitable[object]]


async def read_recording(roistat: Roistat) -> None:
    async with roistat.calls.recording(1) as body:
        async for _ in body:
            pass


CALLS: dict[str, Call] = {
    "scripts": lambda roistat, _: roistat.scripts.list(),
    "phones": lambda roistat, _: roistat.phones.list().collect(),
    "filtered": lambda roistat, _: roistat.calls.list(filters=[("caller", "=", PHONE)]).collect(),
    "walked": lambda roistat, _: anext(aiter(roistat.calls.history(Period.last(days=1)))),
    "change": lambda roistat, _: roistat.phones.update(1, script_id=2),
    "delete": lambda roistat, _: roistat.scripts.delete(1),
    "download": lambda roistat, folder: roistat.calls.download_recording(1, to=folder / "1.mp3"),
    "recording": lambda roistat, _: read_recording(roistat),
}


async def failure(call: Call, base_url: str, folder: Path, **options: Any) -> BaseException | None:
    async with client(base_url, attempts=2, **options) as roistat:
        try:
            await call(roistat, folder)
        except BaseException as error:
            return error
    return None


def reachable(error: BaseException) -> Iterator[str]:
    """Return everything that a reporter of errors may print."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield repr(one)
        yield str(one)
        if isinstance(one, BaseException):
            waiting += [one.__cause__, one.__context__, vars(one), *one.args]
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set):
            waiting += list(one)
        elif hasattr(one, "__dict__"):
            waiting.append(vars(one))
    printed = io.StringIO()
    traceback.TracebackException.from_exception(error, capture_locals=True).print(file=printed)
    yield printed.getvalue()
    yield repr(pickle.dumps(error))


def check(error: BaseException | None) -> None:
    for text in reachable(error) if error else ():
        for secret in SECRETS:
            assert secret not in text


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_leads_to_a_secret(fault: str, tmp_path: Path) -> None:
    """Every fault under every kind of call: key, phone and body are nowhere to be found."""
    async with RawServer(FAULTS[fault]) as server:
        for call in CALLS.values():
            quick = Timeouts(connect=0.3, response=0.3, read=0.05)
            error = await failure(call, server.base_url, tmp_path, timeouts=quick)
            assert error is not None or fault in ("wrong shape", "wrong row")
            check(error)


@pytest.mark.parametrize("fault", ["reset", "web page", "403", "silent"])
async def test_a_lost_create_shows_no_number(fault: str) -> None:
    """What was to be created is in no text of the error, in no frame it passed and no pickle."""
    async with RawServer(FAULTS[fault]) as server:
        error = await failure(
            lambda roistat, _: roistat.phones.create([SENT_PHONE]),
            server.base_url,
            Path(),
            timeouts=QUICK,
        )
    assert error is not None
    check(error)


async def test_a_failed_look_shows_no_number() -> None:
    """Nor does what fails while it is looked whether the create happened."""
    async with RawServer(FAULTS["reset"]) as server, client(server.base_url, attempts=1) as roistat:
        try:
            await roistat.phones.create([SENT_PHONE])
        except errors.OutcomeUnknownError as error:
            lost = error
        look = await failure(lambda *_: roistat.resolve(lost), server.base_url, Path())
    assert isinstance(look, errors.TransportError)
    check(look)


async def test_no_connection_leads_to_no_secret(tmp_path: Path) -> None:
    """A refused connection neither."""
    for call in CALLS.values():
        check(await failure(call, f"http://127.0.0.1:{closed_port()}/api", tmp_path))


async def test_a_callers_timeout_leads_to_no_secret(tmp_path: Path) -> None:
    """TimeoutError comes from the cancel inside: that one must not show our request either."""

    async def impatient(roistat: Roistat, _: Path) -> None:
        async with asyncio.timeout(0.05):
            await roistat.scripts.list()

    async def mute(connection: Connection) -> None:
        await connection.closed()

    for handler in (mute, stalled):
        async with RawServer(handler) as server:
            error = await failure(impatient, server.base_url, tmp_path)
        assert type(error) is TimeoutError
        check(error)


async def test_a_borrowed_session_leads_to_no_secret(tmp_path: Path) -> None:
    """The same with somebody else's session, open and closed."""
    async with RawServer(FAULTS["reset"]) as server, aiohttp.ClientSession() as session:
        check(await failure(CALLS["scripts"], server.base_url, tmp_path, session=session))
    check(await failure(CALLS["scripts"], server.base_url, tmp_path, session=session))


async def test_the_log_names_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """The log at DEBUG names path, status, attempt and time, nothing of what was sent or came."""
    caplog.set_level(logging.DEBUG, "roistat_async")
    async with RawServer(FAULTS["500"]) as server:
        await failure(
            lambda roistat, _: roistat.phones.create([SENT_PHONE]), server.base_url, Path()
        )
    text = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith("roistat")
    )
    assert "phone/create returned 500" in text
    assert not any(secret in text for secret in SECRETS)
