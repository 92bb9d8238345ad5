"""Rows S2 and S9: where the key goes, and what errors lead to (all methods; few faults)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import pytest

from roistat_async import CallDraft, Period, Roistat, Timeouts, errors
from roistat_async.models.scripts import Redirect, ScriptDraft, ScriptOptions
from tests.faults.fault_case import ALL, create
from tests.faults.secrets import MARKER, PHONE, SECRET_TEXT, SECRETS, SENT_PHONE, check, hidden_from
from tests.helpers.clients import KEY, client
from tests.helpers.fault_server import FaultServer, call_row, sends
from tests.helpers.raw_server import Handler, RawServer, answer, replies, silent, success

RESET = sends(end="reset")
STALLED = sends(answer(SECRET_TEXT)[:-4], end="wait")
FAULTS: dict[str, Handler] = {
    "reset": RESET,
    "stalled": STALLED,
    "500": replies(answer(SECRET_TEXT, status="500 Oops")),
    "half json": replies(answer(b'{"status": "success", "data": [{"a": "' + SECRET_TEXT)),
    "other shape": replies(answer(b'{"status": "success", "data": "' + SECRET_TEXT + b'"}')),
    "invalid record": replies(
        answer(b'{"status": "success", "data": [{"id": {"' + SECRET_TEXT + b'": 1}, "name": 7}]}')
    ),
}
MAY_SUCCEED = ("other shape", "invalid record")  # a change reads no data
Method = Callable[[Roistat, Path], Awaitable[object]]


async def read_recording(roistat: Roistat, _: Path) -> None:
    async with roistat.calls.recording(1) as body:
        async for _chunk in body:
            pass


REDIRECT = Redirect("sip_trunk", value=MARKER)
SECRET_OPTIONS = ScriptOptions(replaceable_numbers=[SENT_PHONE], redirect=REDIRECT)
SECRET_SCRIPT = ScriptDraft(options=SECRET_OPTIONS)
METHODS: dict[str, Method] = {
    "scripts.list": lambda roistat, _: roistat.scripts.list(),
    "scripts.create": lambda roistat, _: roistat.scripts.create(SECRET_SCRIPT),
    "scripts.update": lambda roistat, _: roistat.scripts.update(1, SECRET_SCRIPT),
    "scripts.delete": lambda roistat, _: roistat.scripts.delete(1),
    "phones.list": lambda roistat, _: roistat.phones.list().collect(),
    "phones.create": lambda roistat, _: roistat.phones.create([SENT_PHONE]),
    "phones.update": lambda roistat, _: roistat.phones.update(1, script_id=2),
    "calls.list": lambda roistat, _: roistat.calls.list(filters=[("caller", "=", PHONE)]).collect(),
    "calls.history": lambda roistat, _: anext(aiter(roistat.calls.history(Period.last(days=1)))),
    "calls.create": create,
    "calls.update": lambda roistat, _: roistat.calls.update(1, comment=MARKER, link=PHONE),
    "download": lambda roistat, folder: roistat.calls.download_recording(1, to=folder / "1.mp3"),
    "recording": read_recording,
}


async def failure(method: Method, base_url: str, folder: Path) -> BaseException | None:
    """Return the error of a method, or None."""
    timeouts = Timeouts(connect=0.3, response=0.3, read=0.05)
    async with client(base_url, attempts=2, timeouts=timeouts) as roistat:
        try:
            await method(roistat, folder)
        except BaseException as error:
            return error
    return None


@pytest.mark.parametrize("fault", FAULTS)
async def test_s2_no_failure_of_a_method_leads_to_a_secret(fault: str, tmp_path: Path) -> None:
    """Key, phone number and body are in no text, frame or pickle of the error."""
    async with RawServer(FAULTS[fault]) as server:
        for method in METHODS.values():
            error = await failure(method, server.base_url, tmp_path)
            assert error is not None or fault in MAY_SUCCEED
            check(error)


async def test_s2_a_failed_resolve_leads_to_no_number() -> None:
    """The error of the lookup after a lost create does not show what it looked for."""
    async with RawServer(RESET) as server:
        lost = await failure(METHODS["phones.create"], server.base_url, Path())
        assert isinstance(lost, errors.OutcomeUnknownError)
        error = await failure(lambda roistat, _: roistat.resolve(lost), server.base_url, Path())
    assert isinstance(error, errors.TransportError)
    check(error)


@pytest.mark.parametrize("handler", [silent, STALLED], ids=["silent", "stalled"])
async def test_s2_the_timeout_of_a_caller_leads_to_no_secret(
    handler: Handler, tmp_path: Path
) -> None:
    """TimeoutError has the cancellation as its cause, and that shows no request."""

    async def time_out(roistat: Roistat, _: Path) -> None:
        async with asyncio.timeout(0.03):
            await roistat.scripts.list()

    async with RawServer(handler) as server:
        error = await failure(time_out, server.base_url, tmp_path)
    assert type(error) is TimeoutError
    check(error)


ENVIRONMENT = {"ROISTAT_API_KEY": KEY, "ROISTAT_PROJECT": "x"}
WRONG_FILTER: Any = [("caler", "=", PHONE)]
WRONG_VALUE: Any = [("caller", "in", [PHONE, object()])]
WRONG_TEXT: Any = [MARKER]
INVALID: dict[str, Callable[[Roistat], Any]] = {
    "project": lambda _: Roistat(KEY, "x"),
    "key": lambda _: Roistat(f"{KEY} ", 1),
    "keyword": lambda _: Roistat(KEY, 1, baseurl="https://x.example"),  # type: ignore[call-arg]  # meant
    "proxy": lambda _: Roistat("k", 1, proxy=f"socks5://user:{KEY}@x"),
    "environment": lambda _: Roistat.from_env(ENVIRONMENT),
    "filter": lambda roistat: roistat.calls.list(filters=WRONG_FILTER),
    "value": lambda roistat: roistat.calls.list(filters=WRONG_VALUE),
    "filter of phones": lambda roistat: roistat.phones.list(filters=WRONG_FILTER),
    "numbers": lambda roistat: roistat.phones.create([PHONE, "+7"]),
    "number": lambda roistat: roistat.phones.create(PHONE),
    "call": lambda roistat: roistat.calls.create(CallDraft(PHONE, PHONE, datetime(2026, 5, 1))),
    "comment": lambda roistat: roistat.calls.update(1, comment=WRONG_TEXT, link=PHONE),
    "id": lambda roistat: roistat.calls.update("x", comment=MARKER, link=PHONE),
    "script": lambda roistat: roistat.scripts.update("x", SECRET_SCRIPT),  # type: ignore[arg-type]  # meant
}


@pytest.mark.parametrize("what", INVALID)
async def test_s71_an_argument_that_is_refused_leads_to_no_secret(what: str) -> None:
    """The error shows neither the argument nor those beside it in its traceback."""
    async with client("http://127.0.0.1:9/api") as roistat:
        with pytest.raises((errors.ConfigurationError, TypeError)) as caught:
            await INVALID[what](roistat)
    check(caught.value)


UNPLANNED = [
    "aiohttp.ClientSession._request",
    "aiohttp.client.ClientRequest.send",
    "aiohttp.StreamReader.read_nowait",
    "roistat_async.transport.connector.TrackingConnector.connect",
    "roistat_async.wire.envelope._parse",
    "roistat_async.wire.records._decode_batch",
    "roistat_async.wire.records.codec.structure",
]


def failing(*_: object, **__: object) -> NoReturn:
    raise MemoryError


@pytest.mark.parametrize("place", UNPLANNED)
async def test_s70_an_exception_that_nobody_planned_leads_to_no_secret(
    place: str, tmp_path: Path
) -> None:
    """It is raised as it is, and the frames of its traceback show no local variables."""
    good = call_row(1, callee=SENT_PHONE, caller=PHONE, comment=MARKER)
    rows = success(data=[{**good, "name": MARKER}], phoneCall=good)
    del good
    async with RawServer(replies(rows)) as server:
        del rows  # a traceback shows the variables of this test too
        raised = set()
        for name in ("scripts.list", "calls.list", "phones.list", "scripts.create", "calls.create"):
            with mock.patch(place, failing):
                error = await failure(METHODS[name], server.base_url, tmp_path)
            raised.add(type(error))
            check(error)
    assert raised <= {MemoryError, errors.OutcomeUnknownError, type(None)}
    assert raised & {MemoryError, errors.OutcomeUnknownError}


def test_s2_the_search_finds_what_is_there() -> None:
    """The walk over an error would see a secret in its text, its attributes, causes and locals."""

    def raised(text: str, **attributes: Any) -> BaseException:
        try:
            raise errors.TransportError(text)
        except errors.TransportError as error:
            vars(error).update(attributes)
            return error

    chained = raised("outside")
    chained.__cause__ = raised(PHONE)
    for leaky in (raised(MARKER), raised("x", body=SECRET_TEXT.decode()), chained):
        with pytest.raises(AssertionError):
            check(leaky)
    for secret in SECRETS:
        with pytest.raises(AssertionError):
            hidden_from(f"... {secret} ...")


async def test_s2_s9_h10_the_key_goes_to_its_host_only(tmp_path: Path) -> None:
    """Each request has the key once, and goes to the address of the client; files unpacked."""
    async with FaultServer() as server, client(server.base_url) as roistat:
        for operation in ALL.values():
            await operation(roistat, tmp_path)
    assert len(server.requests) == len(ALL)
    for request in server.requests:
        assert request.count(KEY.encode()) == 1
        assert f"Api-key: {KEY}\r\n".encode() in request
        assert request.startswith(b"POST /api/v1/project/")
        assert b"python" not in request.lower()  # no header names a version
        assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in request
        accepted = b"identity" if b"/file?" in request else b"gzip"
        assert b"Accept-Encoding: " + accepted + b"\r\n" in request
