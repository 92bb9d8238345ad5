"""Rows J: the content of a body that arrived whole, one by one (the table is in bodies)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from roistat_async import errors
from tests.faults.bodies import READ, REFUSED, WORDS, Read, Refused, rows, spelled
from tests.faults.fault_case import create, failure
from tests.faults.secrets import PHONE, SECRET_TEXT, check, hidden_from
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


async def test_j26_one_bad_row_in_a_thousand() -> None:
    """One bad row is named by index and path; on request the 999 others are returned."""
    texts = [json.dumps(call_row(number)) for number in range(1000)]
    texts[417] = spelled(date=SECRET_TEXT.decode())
    page_and_end = replies(answer(rows(*texts)), success(data=[]))
    async with FaultServer(page_and_end) as server, client(server.base_url) as roistat:
        pager = roistat.calls.list(on_bad_record="skip")
        assert len(await pager.collect()) == 999
        (bad,) = pager.bad_records
        hidden_from(repr(bad))
    async with FaultServer(page_and_end) as server, client(server.base_url) as roistat:
        del texts  # a traceback shows local variables
        with pytest.raises(errors.MalformedResponseError) as caught:
            await roistat.calls.list().collect()
    assert (bad.index, bad.path) == (417, ".date")
    assert (caught.value.index, caught.value.path) == (417, "$.data[417].date")
    check(caught.value)


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
