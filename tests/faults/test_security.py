"""Rows S that concern the wire. S1 is H6; S2 is checked in every row."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Roistat, errors
from tests.faults.fault_case import (
    ALL,
    READS,
    failure,
    read,
)
from tests.faults.secrets import MARKER, PHONE, SECRETS, SENT_PHONE, TOLD, check, hidden_from
from tests.helpers.clients import KEY, client
from tests.helpers.fault_server import FaultServer, call_row, sends, truthful
from tests.helpers.raw_server import RawServer, answer, success

pytestmark = pytest.mark.usefixtures("nothing_left")


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
    for leaky in (raised(MARKER), raised("x", body=TOLD.decode()), chained):
        with pytest.raises(AssertionError):
            check(leaky)
    for secret in SECRETS:
        with pytest.raises(AssertionError):
            hidden_from(f"... {secret} ...")


async def test_s2_what_is_read_shows_no_number() -> None:
    """The repr of a call masks numbers and comment; the values are there."""
    row = call_row(1, callee=SENT_PHONE, caller=PHONE, comment=MARKER)
    async with (
        FaultServer(sends(success(data=[row]))) as server,
        client(server.base_url) as roistat,
    ):
        call = await roistat.calls.list().first()
        hidden_from(f"{roistat!r} {roistat.calls!r} {call!r} {call}")
    assert call is not None
    assert (call.callee, call.caller, call.comment) == (SENT_PHONE, PHONE, MARKER)


async def test_s2_a_client_holds_its_key_back(tmp_path: Path) -> None:
    """Not in the repr of any part, in no pickle, and once in a request: in its header."""
    async with FaultServer() as server, client(server.base_url) as roistat:
        for operation in ALL.values():
            await operation(roistat, tmp_path)
        hidden_from(" ".join(map(repr, (roistat, vars(roistat), roistat._api))))
        with pytest.raises(errors.RoistatError):
            pickle.dumps(roistat)
    assert len(server.requests) == len(ALL)
    for request in server.requests:
        assert request.count(KEY.encode()) == 1
        assert f"Api-key: {KEY}\r\n".encode() in request


@pytest.mark.parametrize("name", ALL)
async def test_s2_the_log_of_a_fault_is_there(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not silent that hides the secrets: path, status and attempt are logged."""
    caplog.set_level(logging.DEBUG)
    fault = sends(answer(TOLD, status="500 Oops"))
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        check(await failure(ALL[name], roistat, tmp_path))
    assert "returned 500" in caplog.text
    assert "attempt 1" in caplog.text


@pytest.mark.parametrize(
    "base_url",
    [
        "http://cloud.roistat.com/api/v1",
        "http://10.0.0.1/api",
        "http://localhost.example/api",
        "http://127.0.0.1.example/api",
        "ftp://127.0.0.1/api",
        "//127.0.0.1/api",
    ],
)
def test_s3_plain_http_goes_to_this_machine_only(base_url: str) -> None:
    """Any other address needs https."""
    with pytest.raises(errors.ConfigurationError):
        Roistat(KEY, 1, base_url=base_url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_s3_this_machine(host: str) -> None:
    """Its literals need no TLS."""
    assert Roistat(KEY, 1, base_url=f"http://{host}:1/api").base_url.startswith("http:")


@pytest.mark.parametrize(
    "base_url",
    [
        f"https://user:{KEY}@cloud.roistat.com/api",
        f"https://{KEY}@cloud.roistat.com/api",
        f"https://:{KEY}@cloud.roistat.com/api",
        f"https://cloud.roistat.com/api?key={KEY}",
        f"https://cloud.roistat.com/api#{KEY}",
        f"https://cloud.roistat.com/a b{KEY}",
    ],
)
def test_s4_no_credentials_in_the_address(base_url: str) -> None:
    """Refused, and not shown."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Roistat("k", 1, base_url=base_url)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "odd", ["\r\n", "\r", "\n", "\0", " ", "\t", "é", "ключ", "\x7f", "\u2028"]
)
def test_s5_a_key_that_cannot_stand_in_a_header(odd: str) -> None:
    """Refused when the client is made, and not shown; one newline at its end is forgiven."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Roistat(KEY[:9] + odd + KEY[9:], 1)
    assert KEY[:9] not in str(caught.value)
    Roistat(f"{KEY}\n", 1)


@pytest.mark.parametrize(
    "call_id",
    [
        "../../x",
        "..",
        ".",
        "%2e%2e",
        "a/b",
        "1?b",
        "1#f",
        "1\r\nX: y",
        "١",
        "",
        " 1",
        "-1",
        "1" * 21,
    ],
)
async def test_s6_an_id_does_not_leave_its_path(call_id: str, tmp_path: Path) -> None:
    """Refused before any connection, and no file or folder is made."""
    folder = tmp_path / "new"
    async with FaultServer() as server, client(server.base_url) as roistat:
        with pytest.raises(errors.ConfigurationError):
            await roistat.calls.download_recording(call_id, to=folder / "x.mp3")
        with pytest.raises(errors.ConfigurationError):
            roistat.calls.recording(call_id)
        with pytest.raises(errors.ConfigurationError):
            roistat.calls.download_recordings([call_id], folder)
        with pytest.raises(errors.ConfigurationError):
            await roistat.calls.delete([call_id])
    assert (server.connections, folder.exists()) == (0, False)


async def test_s9_the_link_of_a_recording_is_never_fetched(tmp_path: Path) -> None:
    """Whatever address stands in `link`: nobody goes there, with or without the key."""
    async with RawServer(truthful) as other:
        row = call_row(1, link=f"http://127.0.0.1:{other.port}/1.mp3?{KEY}")
        async with (
            FaultServer(sends(success(data=[row]), end="serve")) as server,
            client(server.base_url) as roistat,
        ):
            call = await roistat.calls.list().first()
            assert call is not None
            await roistat.calls.download_recording(call, to=tmp_path / "1.mp3")
            await read(roistat)
        assert (other.connections, len(server.requests)) == (0, 3)


@pytest.mark.parametrize("name", READS)
async def test_s9_a_host_header_goes_to_its_host(name: str, tmp_path: Path) -> None:
    """The key is sent to the address of the client and by POST only."""
    async with FaultServer() as server, client(server.base_url) as roistat:
        await READS[name](roistat, tmp_path)
    (request,) = server.requests
    assert request.startswith(b"POST /api/v1/project/")
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in request
