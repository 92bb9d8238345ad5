"""Creates, updates and deletes."""

from __future__ import annotations

from typing import Any

import pytest

from ..helpers.api_doc import decoded as page
from .conftest import PlainClient

INVALID = "request_data_validation_error"
CALL = {"callee": "74950000001", "caller": "79000000001", "date": "2027-01-01"}
NUMBERS = {"replaceable_numbers": ["74950000001"]}
PHONES = "calltracking/phone/create"
SCRIPT = {"name": "A", "is_enabled": 1, "options": NUMBERS}


def shape(value: Any) -> Any:
    """Return the nested keys of a response."""
    return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else None


async def test_phone_call(api: PlainClient) -> None:
    """The documented request gets the documented response, and the call is listed."""
    result = await api("phone-call", **page("phone_call.request"))
    (row,) = await api.calls(filters=[["id", "=", result["phoneCall"]["id"]]])
    assert result["phoneCall"] | {"id": "5"} == page("phone_call.response")["phoneCall"]
    assert result["status"] == "success"
    assert (row["comment"], row["waiting_time"]) == ("Call tomorrow", 5)


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        *[("phone-call", CALL | {name: None}) for name in CALL],
        ("phone-call", CALL | {"status": "NO"}),
        ("calltracking/script/create", SCRIPT | {"is_enabled": 2}),
        ("calltracking/script/create", SCRIPT | {"integration": [1]}),
        ("calltracking/script/create", SCRIPT | {"options": NUMBERS | {"calltracking_type": "x"}}),
        ("calltracking/script/create", SCRIPT | {"options": NUMBERS | {"redirect": {"type": "x"}}}),
        *[(PHONES, {"phones": phones}) for phones in (["+7495"], [], [74950000100], "74950000100")],
        (PHONES, {"phones": ["74950000100", "74950000001"]}),
    ],
)
async def test_a_refused_write(api: PlainClient, path: str, arguments: dict[str, Any]) -> None:
    """A write with a missing, invalid or used value is an error and changes nothing."""
    sent = {name: value for name, value in arguments.items() if value is not None}
    is_used = "74950000001" in arguments.get("phones", [])
    assert (await api(path, **sent))["error"] == ("resource_already_exists" if is_used else INVALID)
    state = api.fake.state
    assert (len(state.calls), len(state.scripts), len(state.phones)) == (50, 3, 7)


async def test_requirements_of_quirks(api: PlainClient) -> None:
    """With the quirks a call needs a name, a script no numbers, and script_id is a string."""
    refused = await api("calltracking/script/create", name="A")
    api.fake.quirks.replaceable_numbers_required = False
    api.fake.quirks.call_name_required = api.fake.quirks.script_id_as_string = True
    created = await api("calltracking/script/create", name="A", integration={})
    assert (refused["error"], created["data"]["id"]) == (INVALID, 4)
    assert "name" in (await api("phone-call", **CALL))["description"]
    rows = (await api("calltracking/phone/list", sort=["id", "asc"]))["data"]
    assert (rows[0]["script_id"], rows[6]["script_id"]) == ("1", None)


async def test_call_update_and_delete(api: PlainClient) -> None:
    """A call can be updated and deleted by the undocumented methods."""
    await api("calltracking/call/update", id="10002", comment="Новый", odd=1)
    await api("calltracking/call/delete", ids=["10003"])
    changed = api.fake.state.calls.get("10002")
    assert changed is not None
    assert (changed["comment"], "odd" in changed) == ("Новый", False)
    assert api.fake.state.calls.get("10003") is None
    for method, arguments in (("update", {"id": 1}), ("delete", {"ids": ["1"]})):
        result = await api(f"calltracking/call/{method}", **arguments)
        assert result["error"] == "resource_not_found"


async def test_script_create_as_documented(api: PlainClient) -> None:
    """The response has the documented keys; in a list the flag of leads is a string."""
    expected = page("script_create.response")
    result = await api("calltracking/script/create", **page("script_create.request"))
    listed = (await api("calltracking/script/list"))["data"][-1]
    assert shape(result) == shape(expected)
    for part in ("integration", "options"):
        assert result["data"][part] == expected["data"][part]
    rows = (result["data"], listed)
    assert [row["integration"]["is_lead_auto_create"] for row in rows] == [1, "1"]


async def test_script_update_changes_only_sent_fields(api: PlainClient) -> None:
    """Only the sent fields change, nested ones too; `is_enabled` is listed as `enabled`."""
    expected = (await api("calltracking/script/list"))["data"][0] | {"name": "Новое"}
    expected["integration"]["crm"]["enabled"] = 1
    crm = {"crm": {"is_enabled": 1}}
    await api("calltracking/script/update", id=1, name="Новое", integration=crm)
    assert (await api("calltracking/script/list"))["data"][0] == expected


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
    assert ([row["id"] for row in result["data"]], result["total"]) == ([7, 5, 4, 2, 1], 5)
    assert result["data"][0].keys() == page("phone_list.response")["data"][0].keys()
    assert result["data"][1]["script"]["id"] == result["data"][1]["script_id"] == 2


async def test_phone_create(api: PlainClient) -> None:
    """New phones are returned as records with the documented keys."""
    result = await api("calltracking/phone/create", phones=["74950000100", "74950000101"])
    assert [row["id"] for row in result["data"]] == [8, 9]
    assert result["data"][0].keys() == page("phone_create.response")["data"][0].keys()
    assert (result["total"], result["data"][0]["script"]) == (2, None)


async def test_phone_update(api: PlainClient) -> None:
    """An update assigns a phone to a script if both exist."""
    path = "calltracking/phone/update"
    done = await api(path, id=7, script_id=2, last_use_date="2016-10-11T21:00:00.000Z")
    assert (done, api.fake.state.phones[6]["script_id"]) == ({"status": "success"}, 2)
    results = [await api(path, id=phone, script_id=script) for phone, script in ((99, 2), (7, 99))]
    results.append(await api(path, id=7))
    codes = [result["error"] for result in results]
    assert codes == ["resource_not_found", "resource_not_found", "incorrect_request"]


async def test_phone_delete(api: PlainClient) -> None:
    """Either all phones of a request are deleted or none."""
    refused = await api("calltracking/phone/delete", phones=[1, 99])
    done = await api("calltracking/phone/delete", phones=[1, 2])
    assert (refused["error"], done) == ("resource_not_found", {"status": "success"})
    assert [row["id"] for row in api.fake.state.phones] == [3, 4, 5, 6, 7]


async def test_phone_buy(api: PlainClient) -> None:
    """Bought phones have the given prefix and are not external."""
    prefix = (await api("calltracking/phone/prefix/list"))["data"][0]["system_name"]
    result = await api("calltracking/phone/buy", prefix=prefix, count=2)
    assert {(row["prefix"], row["is_external"]) for row in result["data"]} == {(prefix, 0)}
    assert len({row["phone"] for row in result["data"]}) == 2
    assert (await api("calltracking/phone/buy", prefix="1", count=1))["status"] == "error"


async def test_a_call_counts_for_its_phone(api: PlainClient) -> None:
    """A call to a phone updates its call count and last use."""
    api.fake.state.add_call(callee="74950000002")
    phone = api.fake.state.phones[1]
    assert (phone["call_count"], phone["last_use_date"]) == (1, "2027-01-15T08:00:00+0000")
