"""A response that says success and has an id is the response of a create that succeeded."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async import (
    Call,
    CallDraft,
    Phone,
    Roistat,
    Script,
    ScriptDraft,
    ScriptOptions,
    errors,
)
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, sends
from tests.helpers.raw_server import success

DATE = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
MAY_2 = datetime(2026, 5, 2, tzinfo=UTC)
ODD: dict[str, Any] = {"extra": {"caller": {}}}
CALL = CallDraft("74951234567", "79161234567", DATE)
STATIC = ScriptDraft(name="Static", options=ScriptOptions(calltracking_type="static"))


CREATES: dict[type[Any], Callable[[Roistat], Awaitable[Any]]] = {
    Call: lambda roistat: roistat.calls.create(CALL),
    Phone: lambda roistat: roistat.phones.create(["74951234567", "74951234568"]),
    Script: lambda roistat: roistat.scripts.create(STATIC),
}


async def _create(model: type[Any], body: bytes) -> Any:
    async with FaultServer(sends(body)) as server, client(server.base_url) as roistat:
        return await CREATES[model](roistat)


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (Call, {"phoneCall": {"id": "5"}}, Call("5", DATE)),
        (Call, {"phoneCall": {"id": 5, "date": "soon", "status": None}}, Call("5", DATE)),
        (Call, {"phoneCall": None, "data": [{"id": "5"}]}, Call("5", DATE)),
        (Call, {"phoneCall": [], "data": {"id": "5"}}, Call("5", DATE)),
        (Call, {"data": 5}, Call("5", DATE)),
        (Call, {"data": {"id": "5", "date": "2026-05-02", "caller": {}}}, Call("5", MAY_2, **ODD)),
        (Script, {"data": {"id": "7"}}, Script(id=7)),
        (Script, {"data": [{"id": 7, "caller": {}}]}, Script(id=7, **ODD)),
        (Script, {"data": "7"}, Script(id=7)),
        (Phone, {"data": [{"id": 8}, 9]}, [Phone(id=8), Phone(id=9)]),
        (Phone, {"data": {"id": 8, "phone": None}}, [Phone(id=8)]),
    ],
    ids=str,
)
async def test_j30_a_success_with_an_id_is_a_success(
    model: type[Any], fields: dict[str, Any], expected: Any
) -> None:
    """Whatever else is odd or absent: an error would invite a second create."""
    assert await _create(model, success(**fields)) == expected


@pytest.mark.parametrize("model", CREATES)
@pytest.mark.parametrize(
    "fields",
    [{}, {"data": None}, {"data": {}}, {"data": True}, {"data": "created"},
     {"data": {"name": "x"}}, {"data": [{"id": ""}]}],
    ids=json.dumps,
)  # fmt: skip
async def test_a_success_without_an_id_is_unknown(model: type[Any], fields: dict[str, Any]) -> None:
    """The record may exist, so `resolve` must look for it."""
    with pytest.raises(errors.OutcomeUnknownError):
        await _create(model, success(**fields))
