"""Rows J: the content of a body that arrived whole, one by one (the table is in bodies)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from roistat_async import errors
from tests.faults.bodies import READ, REFUSED, WORDS, Read, Refused, rows, spelled
from tests.faults.fault_case import create, failure
from tests.faults.secrets import MARKER, PHONE, TOLD, check
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, call_row, sends
from tests.helpers.raw_server import answer, replies, success

pytestmark = pytest.mark.usefixtures("nothing_left")


def _ids(bodies: list[Any]) -> list[str]:
    return [f"{body.number} {body.what[:20]}" for body in bodies]


@pytest.mark.parametrize("body", REFUSED, ids=_ids(REFUSED))
async def test_a_body_is_refused(body: Refused) -> None:
    """A refused body is named by class, path and words, and its value is shown nowhere."""
    async with (
        FaultServer(sends(answer(body.body), end="serve")) as server,
        client(server.base_url) as roistat,
    ):
        with pytest.raises(errors.RoistatError) as caught:
            await roistat.calls.list(filters=[("caller", "=", PHONE)]).collect()
    error = caught.value
    assert isinstance(error, body.kind)
    assert re.search(body.says, str(error)), str(error)
    if isinstance(error, errors.MalformedResponseError):
        assert re.match(body.path, error.path), error.path
    assert WORDS not in repr(error)
    check(error)


@pytest.mark.parametrize("body", READ, ids=_ids(READ))
async def test_a_body_is_read(body: Read) -> None:
    """The value is read, and every text of it can be encoded as UTF-8."""
    fault = sends(answer(body.body, kind=body.label), end="serve")
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        (call,) = await roistat.calls.list(limit=1).collect()
    assert body.look(call) == body.expected
    repr(call).encode()
    (call.comment or "").encode()


@pytest.mark.parametrize(
    ("check_error", "expected"),
    [(0, False), (1, True), ("0", False), ("1", True), (True, True), (False, False)],
)
async def test_j22_flags(check_error: object, expected: bool) -> None:
    """0, 1, "0", "1", true and false are flags: "0" is false."""
    fault = sends(success(data=[{"id": 1, "is_enabled": check_error}]))
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        (script,) = await roistat.scripts.list()
    assert script.is_enabled is expected


@pytest.mark.parametrize("check_error", [2, "yes", "true", 1.5, [], MARKER])
async def test_j22_no_flags(check_error: object) -> None:
    """Any other value is no flag."""
    fault = sends(success(data=[{"id": 1, "is_enabled": check_error}]))
    del check_error  # a traceback shows local variables
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.MalformedResponseError) as caught:
            await roistat.scripts.list()
    assert caught.value.path == "$.data[0].is_enabled"
    check(caught.value)


def _page(bad: str) -> bytes:
    good = [json.dumps(call_row(number)) for number in range(1000)]
    return rows(*good[:417], bad, *good[418:])


BAD = spelled(date=TOLD.decode())


async def test_j26_one_bad_row_in_a_thousand_is_named() -> None:
    """One bad row is named by index and path, and no part of its page is returned."""
    async with FaultServer(sends(answer(_page(BAD)))) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.MalformedResponseError) as caught:
            await roistat.calls.list().collect()
    assert (caught.value.index, caught.value.path) == (417, "$.data[417].date")
    check(caught.value)


async def test_j26_the_others_are_read_on_request() -> None:
    """on_bad_record="skip" returns 999 calls and reports the bad one."""
    page_and_end = replies(answer(_page(BAD)), success(data=[]))
    async with FaultServer(page_and_end) as server, client(server.base_url) as roistat:
        pager = roistat.calls.list(on_bad_record="skip")
        assert len(await pager.collect()) == 999
        (bad,) = pager.bad_records
    assert (bad.index, bad.path) == (417, ".date")
    assert MARKER not in repr(bad)


@pytest.mark.parametrize("number", ["J3", "J7", "J14", "J20", "J23"])
async def test_a_create_with_an_unreadable_response_is_unknown(number: str) -> None:
    """A create with an unreadable response may have happened; a refused one did not."""
    bodies = [body for body in REFUSED if body.number == number]
    for body in bodies:
        text = body.body.replace(b'"data": [', b'"phoneCall": [').replace(b"[{", b"{", 1)
        async with FaultServer(sends(answer(text))) as server, client(server.base_url) as roistat:
            error = await failure(create, roistat, None)  # type: ignore[arg-type]
        is_no = body.kind is errors.APIError
        assert type(error) is (errors.APIError if is_no else errors.OutcomeUnknownError)
        check(error)
