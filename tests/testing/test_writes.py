"""Creates, updates and deletes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import PlainClient

PAGE = Path(__file__).parents[1] / "api_doc"
SCRIPT = {"name": "A", "is_enabled": 1, "options": {"replaceable_numbers": ["74950000001"]}}


def shape(value: Any) -> Any:
    """Return the nested keys of a response."""
    return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else None


CALL = {"callee": "74950000001", "caller": "79000000001", "date": "2027-01-01"}
INVALID = "request_data_validation_error"


def page(name: str) -> Any:
    """Return an example of the API documentation."""
    return json.loads((PAGE / f"{name}.json").read_text("utf-8"))


async def test_phone_call(api: PlainClient) -> None:
    """The documented request gets the documented response, and the call is listed."""
    result = await api("phone-call", **page("phone_call.request"))
    (row,) = await api.calls(filters=[["id", "=", result["phoneCall"]["id"]]])
    assert result["phoneCall"] | {"id": "5"} == page("phone_call.response")["phoneCall"]
    assert result["status"] == "success"
    assert (row["comment"], row["waiting_time"]) == ("Call tomorrow", 5)


@pytest.mark.parametrize(
    "change", [{"callee": None}, {"caller": None}, {"date": None}, {"status": "NO"}]
)
async def test_invalid_phone_call(api: PlainClient, change: dict[str, Any]) -> None:
    """A call without its numbers or date, or with an unknown status, is not added."""
    call = {name: value for name, value in (CALL | change).items() if value is not None}
    assert (await api("phone-call", **call))["error"] == INVALID
    assert len(api.fake.state.calls) == 50


async def test_phone_call_name(api: PlainClient) -> None:
    """With the quirk, `name` is required."""
    api.fake.quirks.call_name_required = True
    assert "name" in (await api("phone-call", **CALL))["description"]


async def test_call_update_and_delete(api: PlainClient) -> None:
    """A call can be updated and deleted by the undocumented methods."""
    await api("calltracking/call/update", id="10002", comment="Новый", odd=1)
    await api("calltracking/call/delete", ids=["10003"])

    changed = api.fake.state.calls.get("10002")
    assert changed is not None
    assert (changed["comment"], "odd" in changed) == ("Новый", False)
    assert api.fake.state.calls.get("10003") is None
    assert (await api("calltracking/call/update", id=1))["error"] == "resource_not_found"
    assert (await api("calltracking/call/delete", ids=["1"]))["error"] == "resource_not_found"


async def test_script_create_as_documented(api: PlainClient) -> None:
    """The documented request gets a response with the documented keys."""
    expected = page("script_create.response")
    result = await api("calltracking/script/create", **page("script_create.request"))
    data = result["data"]
    assert shape(result) == shape(expected)
    assert data["integration"] == expected["data"]["integration"]
    assert data["options"] == expected["data"]["options"]


async def test_lead_flag_changes_its_type(api: PlainClient) -> None:
    """The flag is a number in the response of a create and a string in the list."""
    created = await api(
        "calltracking/script/create", **SCRIPT, integration={"is_lead_auto_create": 1}
    )
    listed = (await api("calltracking/script/list"))["data"][-1]
    assert created["data"]["integration"]["is_lead_auto_create"] == 1
    assert listed["integration"]["is_lead_auto_create"] == "1"


async def test_script_needs_replaceable_numbers(api: PlainClient) -> None:
    """The replaceable numbers are required unless the quirk is off."""
    refused = await api("calltracking/script/create", name="A")
    api.fake.quirks.replaceable_numbers_required = False
    created = await api("calltracking/script/create", name="A")
    assert refused["error"] == INVALID
    assert created["data"]["id"] == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"is_enabled": 2},
        {"options": {"replaceable_numbers": ["1"], "calltracking_type": "magic"}},
        {"options": {"replaceable_numbers": ["1"], "redirect": {"type": "fax"}}},
        {"integration": [1]},
    ],
)
async def test_invalid_script(api: PlainClient, wrong: dict[str, Any]) -> None:
    """A script with an invalid value is a validation error."""
    assert (await api("calltracking/script/create", **(SCRIPT | wrong)))["error"] == INVALID


async def test_script_update_changes_only_sent_fields(api: PlainClient) -> None:
    """Only the sent fields change, nested ones too; `is_enabled` is listed as `enabled`."""
    before = (await api("calltracking/script/list"))["data"][0]
    crm = {"crm": {"is_enabled": 1}}
    await api("calltracking/script/update", id=1, name="Новое", integration=crm)
    after = (await api("calltracking/script/list"))["data"][0]

    before["name"] = "Новое"
    before["integration"]["crm"]["enabled"] = 1
    assert after == before


async def test_script_delete(api: PlainClient) -> None:
    """A deleted script is listed as deleted and assigned to no phone."""
    await api("calltracking/script/delete", id=1)
    for arguments, ids in (({"is_deleted": 0}, {2, 3}), ({"is_deleted": 1}, {1}), ({}, {1, 2, 3})):
        rows = (await api("calltracking/script/list", **arguments))["data"]
        assert {row["id"] for row in rows} == ids
    assert all(phone["script_id"] != 1 for phone in api.fake.state.phones)
    assert (await api("calltracking/script/delete", id=1))["error"] == "resource_not_found"


async def test_phone_list_as_documented(api: PlainClient) -> None:
    """The documented request lists the newest ids first, each phone with its script."""
    result = await api("calltracking/phone/list", **page("phone_list.request"))
    expected = page("phone_list.response")
    assert [row["id"] for row in result["data"]] == [7, 5, 4, 2, 1]
    assert result["total"] == 5
    assert result["data"][0].keys() == expected["data"][0].keys()
    assert result["data"][1]["script"]["id"] == result["data"][1]["script_id"] == 2


async def test_phone_create(api: PlainClient) -> None:
    """New phones are returned as records with the documented keys."""
    result = await api("calltracking/phone/create", phones=["74950000100", "74950000101"])
    expected = page("phone_create.response")
    assert [row["id"] for row in result["data"]] == [8, 9]
    assert result["data"][0].keys() == expected["data"][0].keys()
    assert (result["total"], result["data"][0]["script"]) == (2, None)


async def test_phone_exists(api: PlainClient) -> None:
    """A request with an existing number creates no phone."""
    result = await api("calltracking/phone/create", phones=["74950000100", "74950000001"])
    assert result["error"] == "resource_already_exists"
    assert len(api.fake.state.phones) == 7


@pytest.mark.parametrize("phones", [["+7495"], [], [74950000100], "74950000100"])
async def test_invalid_phones(api: PlainClient, phones: Any) -> None:
    """Phones that are no list of digit strings are a validation error."""
    assert (await api("calltracking/phone/create", phones=phones))["error"] == INVALID


async def test_phone_update(api: PlainClient) -> None:
    """An update assigns a phone to a script if both exist."""
    path = "calltracking/phone/update"
    done = await api(path, id=7, script_id=2, last_use_date="2016-10-11T21:00:00.000Z")
    assert done == {"status": "success"}
    assert api.fake.state.phones[6]["script_id"] == 2
    assert (await api(path, id=99, script_id=2))["error"] == "resource_not_found"
    assert (await api(path, id=7, script_id=99))["error"] == "resource_not_found"
    assert (await api(path, id=7))["error"] == "incorrect_request"


async def test_phone_delete(api: PlainClient) -> None:
    """Either all phones of a request are deleted or none."""
    refused = await api("calltracking/phone/delete", phones=[1, 99])
    done = await api("calltracking/phone/delete", phones=[1, 2])
    assert refused["error"] == "resource_not_found"
    assert done == {"status": "success"}
    assert [row["id"] for row in api.fake.state.phones] == [3, 4, 5, 6, 7]


async def test_phone_buy(api: PlainClient) -> None:
    """Bought phones have the given prefix and are not external."""
    prefixes = (await api("calltracking/phone/prefix/list"))["data"]
    prefix = prefixes[0]["system_name"]
    result = await api("calltracking/phone/buy", prefix=prefix, count=2)
    assert {(row["prefix"], row["is_external"]) for row in result["data"]} == {(prefix, 0)}
    assert len({row["phone"] for row in result["data"]}) == 2
    assert (await api("calltracking/phone/buy", prefix="1", count=1))["status"] == "error"


async def test_script_id_as_text(api: PlainClient) -> None:
    """With the quirk, script_id is a string as documented."""
    api.fake.quirks.script_id_as_string = True
    rows = (await api("calltracking/phone/list", sort=["id", "asc"]))["data"]
    assert (rows[0]["script_id"], rows[6]["script_id"]) == ("1", None)


async def test_a_call_counts_for_its_phone(api: PlainClient) -> None:
    """A call to a phone updates its call count and last use."""
    api.fake.state.add_call(callee="74950000002")
    phone = api.fake.state.phones[1]
    assert (phone["call_count"], phone["last_use_date"]) == (1, "2027-01-15T08:00:00+0000")
