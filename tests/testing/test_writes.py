"""Creates, updates and deletes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Plain

PAGE = Path(__file__).parents[1] / "api_doc"
SCRIPT = {"name": "A", "is_enabled": 1, "options": {"replaceable_numbers": ["74950000001"]}}


def shape(value: Any) -> Any:
    """Return the keys of an answer, nested."""
    return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else None


async def test_phone_call(ask: Plain) -> None:
    """The page's request gets the page's answer, and the call is listed."""
    sent = json.loads((PAGE / "phone_call.request.json").read_text("utf-8"))
    expected = json.loads((PAGE / "phone_call.response.json").read_text("utf-8"))
    answer = await ask("phone-call", **sent)
    (row,) = await ask.calls(filters=[["id", "=", answer["phoneCall"]["id"]]])

    assert answer["phoneCall"] | {"id": "5"} == expected["phoneCall"]
    assert answer["status"] == "success"
    assert (row["comment"], row["waiting_time"]) == ("Call tomorrow", 5)


@pytest.mark.parametrize("missing", ["callee", "caller", "date"])
async def test_phone_call_incomplete(ask: Plain, missing: str) -> None:
    """Numbers and date are required; nothing is added without them."""
    sent = {"callee": "74950000001", "caller": "79000000001", "date": "2027-01-01T00:00:00+0000"}
    answer = await ask("phone-call", **{k: v for k, v in sent.items() if k != missing})

    assert answer["error"] == "request_data_validation_error"
    assert len(ask.fake.state.calls) == 50


async def test_phone_call_with_a_tenth_status(ask: Plain) -> None:
    """A status Roistat does not know is refused."""
    call = {"callee": "74950000001", "caller": "79000000001", "date": "2027-01-01", "status": "NO"}

    assert (await ask("phone-call", **call))["error"] == "request_data_validation_error"


async def test_phone_call_name(ask: Plain) -> None:
    """`name` is needed only with the quirk."""
    ask.fake.quirks.call_name_required = True
    call = {"callee": "74950000001", "caller": "79000000001", "date": "2027-01-01"}

    assert "name" in (await ask("phone-call", **call))["description"]


async def test_call_update_and_delete(ask: Plain) -> None:
    """A call can be changed and removed by the methods other clients know."""
    await ask("calltracking/call/update", id="10002", comment="Новый", odd=1)
    await ask("calltracking/call/delete", ids=["10003"])

    changed = ask.fake.state.calls.get("10002")
    assert changed is not None
    assert (changed["comment"], "odd" in changed) == ("Новый", False)
    assert ask.fake.state.calls.get("10003") is None
    assert (await ask("calltracking/call/update", id=1))["error"] == "resource_not_found"
    assert (await ask("calltracking/call/delete", ids=["1"]))["error"] == "resource_not_found"


async def test_script_create_as_on_the_page(ask: Plain) -> None:
    """The page's request gets an answer of the page's form, without the replaceable numbers."""
    sent = json.loads((PAGE / "script_create.request.json").read_text("utf-8"))
    expected = json.loads((PAGE / "script_create.response.json").read_text("utf-8"))
    answer = await ask("calltracking/script/create", **sent)
    data = answer["data"]

    assert shape(answer) == shape(expected)
    assert data["integration"] == expected["data"]["integration"]
    assert data["options"] == expected["data"]["options"]


async def test_lead_flag_changes_its_type(ask: Plain) -> None:
    """The flag is a number in the create answer and a text in the list."""
    created = await ask(
        "calltracking/script/create", **SCRIPT, integration={"is_lead_auto_create": 1}
    )
    listed = (await ask("calltracking/script/list"))["data"][-1]

    assert created["data"]["integration"]["is_lead_auto_create"] == 1
    assert listed["integration"]["is_lead_auto_create"] == "1"


async def test_script_needs_replaceable_numbers(ask: Plain) -> None:
    """The page's one required field is required, unless the quirk says otherwise."""
    refused = await ask("calltracking/script/create", name="A")
    ask.fake.quirks.replaceable_numbers_required = False
    created = await ask("calltracking/script/create", name="A")

    assert refused["error"] == "request_data_validation_error"
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
async def test_script_that_cannot_be(ask: Plain, wrong: dict[str, Any]) -> None:
    """A script with an impossible value is refused."""
    answer = await ask("calltracking/script/create", **(SCRIPT | wrong))

    assert answer["error"] == "request_data_validation_error"


async def test_script_update_keeps_the_rest(ask: Plain) -> None:
    """Only what was sent changes, deep inside too; the request's is_enabled becomes enabled."""
    before = (await ask("calltracking/script/list"))["data"][0]
    crm = {"crm": {"is_enabled": 1}}
    await ask("calltracking/script/update", id=1, name="Новое", integration=crm)
    after = (await ask("calltracking/script/list"))["data"][0]

    before["name"] = "Новое"
    before["integration"]["crm"]["enabled"] = 1
    assert after == before


async def test_script_delete(ask: Plain) -> None:
    """A deleted script leaves its phones without one and is listed as deleted."""
    await ask("calltracking/script/delete", id=1)
    existing = (await ask("calltracking/script/list", is_deleted=0))["data"]
    deleted = (await ask("calltracking/script/list", is_deleted=1))["data"]
    every = (await ask("calltracking/script/list"))["data"]

    assert [row["id"] for row in existing] == [2, 3]
    assert [row["id"] for row in deleted] == [1]
    assert len(every) == 3
    assert all(phone["script_id"] != 1 for phone in ask.fake.state.phones)
    assert (await ask("calltracking/script/delete", id=1))["error"] == "resource_not_found"


async def test_phone_list_as_on_the_page(ask: Plain) -> None:
    """The page's request works, newest id first, each phone with its script."""
    sent = json.loads((PAGE / "phone_list.request.json").read_text("utf-8"))
    answer = await ask("calltracking/phone/list", **sent)
    expected = json.loads((PAGE / "phone_list.response.json").read_text("utf-8"))

    assert [row["id"] for row in answer["data"]] == [7, 5, 4, 2, 1]
    assert answer["total"] == 5
    assert answer["data"][0].keys() == expected["data"][0].keys()
    assert answer["data"][1]["script"]["id"] == answer["data"][1]["script_id"] == 2


async def test_phone_create(ask: Plain) -> None:
    """New numbers come back as records of the page's form."""
    answer = await ask("calltracking/phone/create", phones=["74950000100", "74950000101"])
    expected = json.loads((PAGE / "phone_create.response.json").read_text("utf-8"))

    assert [row["id"] for row in answer["data"]] == [8, 9]
    assert answer["data"][0].keys() == expected["data"][0].keys()
    assert (answer["total"], answer["data"][0]["script"]) == (2, None)


async def test_phone_exists(ask: Plain) -> None:
    """A known number refuses the whole request."""
    answer = await ask("calltracking/phone/create", phones=["74950000100", "74950000001"])

    assert answer["error"] == "resource_already_exists"
    assert len(ask.fake.state.phones) == 7


@pytest.mark.parametrize("phones", [["+7495"], [], [74950000100], "74950000100"])
async def test_phone_that_is_none(ask: Plain, phones: Any) -> None:
    """Numbers are lists of texts of digits."""
    answer = await ask("calltracking/phone/create", phones=phones)

    assert answer["error"] == "request_data_validation_error"


async def test_phone_update(ask: Plain) -> None:
    """A phone is put into a script; both must exist."""
    path = "calltracking/phone/update"
    done = await ask(path, id=7, script_id=2, last_use_date="2016-10-11T21:00:00.000Z")

    assert done == {"status": "success"}
    assert ask.fake.state.phones[6]["script_id"] == 2
    assert (await ask(path, id=99, script_id=2))["error"] == "resource_not_found"
    assert (await ask(path, id=7, script_id=99))["error"] == "resource_not_found"
    assert (await ask(path, id=7))["error"] == "incorrect_request"


async def test_phone_delete(ask: Plain) -> None:
    """Ids are removed together or not at all."""
    refused = await ask("calltracking/phone/delete", phones=[1, 99])
    done = await ask("calltracking/phone/delete", phones=[1, 2])

    assert refused["error"] == "resource_not_found"
    assert done == {"status": "success"}
    assert [row["id"] for row in ask.fake.state.phones] == [3, 4, 5, 6, 7]


async def test_phone_buy(ask: Plain) -> None:
    """Bought phones are Roistat's own, with the prefix they were bought by."""
    prefixes = (await ask("calltracking/phone/prefix/list"))["data"]
    prefix = prefixes[0]["system_name"]
    answer = await ask("calltracking/phone/buy", prefix=prefix, count=2)

    assert {(row["prefix"], row["is_external"]) for row in answer["data"]} == {(prefix, 0)}
    assert len({row["phone"] for row in answer["data"]}) == 2
    assert (await ask("calltracking/phone/buy", prefix="1", count=1))["status"] == "error"


async def test_script_id_as_text(ask: Plain) -> None:
    """With the quirk, script_id is a text as the page says."""
    ask.fake.quirks.script_id_as_string = True
    rows = (await ask("calltracking/phone/list", sort=["id", "asc"]))["data"]

    assert (rows[0]["script_id"], rows[6]["script_id"]) == ("1", None)


async def test_a_call_counts_for_its_phone(ask: Plain) -> None:
    """A call to a known number is seen in the phone's record."""
    ask.fake.state.add_call(callee="74950000002")
    phone = ask.fake.state.phones[1]

    assert (phone["call_count"], phone["last_use_date"]) == (1, "2027-01-15T08:00:00+0000")
