"""Calls as Arrow tables: the same values as their attributes, whatever Roistat sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async import Call, Period, Roistat, errors
from roistat_async.models.calls import CallStatus, Order, Source, Visit
from roistat_async.testing import FakeRoistat
from roistat_async.wire import records
from roistat_async.wire.envelope import ApiResponse
from tests.helpers import odd_values
from tests.helpers.clients import retrying_client
from tests.helpers.strategies import CALLS

pa = pytest.importorskip("pyarrow")
arrow = pytest.importorskip("roistat_async.integrations.arrow")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = datetime(2026, 5, 1, 12, tzinfo=UTC)
PERIOD = Period(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
PREFIXES = {
    "source_": lambda call: (call.visit and call.visit.source) or call.static_source,
    "visit_": lambda call: call.visit,
    "device_": lambda call: call.visit and call.visit.device,
    "geo_": lambda call: call.visit and call.visit.geo,
    "order_status_": lambda call: call.order and call.order.status,
    "order_": lambda call: call.order,
}
OPTIONAL = [path for path in odd_values.fields_of(Call) if path not in odd_values.REQUIRED]
CALL_FIELDS = {field.name for field in attrs.fields(Call)}


def decode(page: Sequence[dict[str, Any]]) -> list[Call]:
    """Decode records as a list does, and skip those that cannot be read."""
    response = ApiResponse(msgspec.Raw(json.dumps(page).encode()), None, msgspec.Raw())
    return records.decode_list(response, Call, skip_bad=True).items


def attribute(call: Call, column: str) -> Any:
    """Return the attribute of a call that a column is named after."""
    if column in CALL_FIELDS:
        value = getattr(call, column)
        owner = {"visit_id": call.visit, "order_id": call.order}.get(column)
        return owner.id if value is None and owner is not None else value
    prefix = next(prefix for prefix in PREFIXES if column.startswith(prefix))
    part: Any = PREFIXES[prefix](call)
    return getattr(part, column.removeprefix(prefix)) if part else None


def plain(value: Any, kind: Any) -> Any:
    """Return a value of an attribute as a table has it."""
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, dict | list) and pa.types.is_string(kind):
        return json.loads(json.dumps(value))
    return str(value) if isinstance(value, CallStatus) else value


def of_table(value: Any, column: str) -> Any:
    """Return a value of a table, parsed where it is JSON."""
    is_json = column in ("tags", "order_custom_fields", "extra") and value is not None
    return json.loads(value) if is_json else value


@settings(max_examples=60)
@given(st.lists(CALLS, max_size=3))
def test_columns_are_the_attributes(page: list[dict[str, Any]]) -> None:
    """Every column holds what the attribute of its name and `call.to_dict(flat=True)` have."""
    calls = decode(page)
    table = arrow.calls_to_table(calls)
    table.validate(full=True)
    assert table.schema.equals(arrow.CALLS_SCHEMA)
    rows = [call.to_dict(flat=True) for call in calls]
    assert [list(row) for row in rows] == [table.column_names] * len(rows)
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        is_time = pa.types.is_timestamp(kind)  # Python has no dates before the year 1
        column = table[name].cast(pa.int64()) if is_time else table[name]
        values = [of_table(value, name) for value in column.to_pylist()]
        if name != "extra":
            assert values == [plain(attribute(call, name), kind) for call in calls], name
        if not is_time:
            assert values == json.loads(json.dumps([row[name] for row in rows])), name


@settings(max_examples=40)
@given(st.lists(CALLS, max_size=3))
def test_read_calls_give_the_same_table(page: list[dict[str, Any]]) -> None:
    """A table does not depend on which parts of the calls were read before."""
    calls = decode(page)
    table = arrow.calls_to_table(calls)
    for call in calls:
        _ = call.visit, call.order, call.static_source, call.extra
    assert arrow.calls_to_table(calls).equals(table)
    assert arrow.calls_to_table(iter(calls)).equals(table)


@pytest.mark.parametrize("path", OPTIONAL, ids=".".join)
def test_j100_odd_values_are_in_extra(path: tuple[str, ...]) -> None:
    """A value that no column can hold is in `extra`, under the path of its field."""
    record = odd_values.with_value(odd_values.full_record(), path, {"odd": ["value"]})
    (call,) = decode([record])
    table = arrow.calls_to_table([call])
    extra = json.loads(table["extra"][0].as_py() or "{}")
    for name in path:
        extra = extra.get(name, {}) if isinstance(extra, dict) else {}
    is_kept = extra.items() >= {"odd": ["value"]}.items()
    in_column = any(value == '{"odd":["value"]}' for value in table.to_pylist()[0].values())
    assert is_kept or in_column


def test_j101_a_part_of_another_id_is_not_lost() -> None:
    """Ids that contradict each other, and a second source, are in `extra`."""
    visit = Visit(id="6", source=Source(system_name="a"))
    order, source = Order(id="7"), Source(system_name="b")
    ids = Call(id="1", date=DATE, visit_id="5", order_id="7")
    call = attrs.evolve(ids, visit=visit, order=order, static_source=source)
    row = arrow.calls_to_table([call]).to_pylist()[0]
    assert (row["visit_id"], row["order_id"], row["source_system_name"]) == ("5", "7", "a")
    extra = json.loads(row["extra"])
    assert extra["visit"] == {"id": "6"}
    assert extra["static_source"]["system_name"] == "b"
    assert "order" not in extra


def test_a_single_source_is_not_in_extra() -> None:
    """A source that the columns show is in `extra` no second time."""
    source = Source(system_name="a")
    calls = [Call(id="1", date=DATE, visit=Visit(id="2", source=source))]
    calls.append(Call(id="1", date=DATE, static_source=source))
    assert arrow.calls_to_table(calls)["extra"].to_pylist() == [None, None]


def test_j102_texts_that_utf_8_cannot_hold() -> None:
    """Half of a character becomes a question mark instead of an error."""
    table = arrow.calls_to_table([Call(id="1", date=DATE, comment="a\ud800b")])
    assert table["comment"].to_pylist() == ["a?b"]


async def test_a_list_becomes_a_table(roistat: Roistat) -> None:
    """`to_arrow` has every call of a list, once and in order."""
    table = await roistat.calls.list(extend=("visit", "order"), page_size=7).to_arrow()
    calls = await roistat.calls.list(extend=("visit", "order")).collect()
    assert table.equals(arrow.calls_to_table(calls).unify_dictionaries())


async def test_an_empty_list_becomes_a_table() -> None:
    """A list without calls is a table without rows."""
    async with FakeRoistat(calls=0) as fake, retrying_client(fake) as roistat:
        assert (await roistat.calls.list().to_arrow()).schema.equals(arrow.CALLS_SCHEMA)


async def test_a_history_comes_in_batches(roistat: Roistat) -> None:
    """Batches hold every call of a history once; the walk can be resumed after each."""
    walk = roistat.calls.history(PERIOD, page_size=6)
    batches = [batch async for batch in walk.to_arrow_batches()]
    ids = [call.id async for call in roistat.calls.history(PERIOD)]
    assert len(batches) > 1
    assert [value for batch in batches for value in batch["id"].to_pylist()] == ids
    assert walk.report.is_complete

    walk = roistat.calls.history(PERIOD, page_size=6)
    async with walk:
        first = (await anext(walk.to_arrow_batches()))["id"].to_pylist()
    rest = roistat.calls.history(PERIOD, resume_from=walk.resume_token)
    assert first + [call.id async for call in rest] == ids


async def test_missing_pyarrow_is_named(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which extra to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "roistat_async.integrations.arrow")
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[arrow\]'"):
        await roistat.calls.list().to_arrow()


async def test_only_calls_are_tables(roistat: Roistat) -> None:
    """A list of numbers says that it has no table."""
    with pytest.raises(errors.ConfigurationError, match="only calls"):
        await roistat.phones.list().to_arrow()


def test_times_are_in_utc() -> None:
    """A date of another zone is the same moment in UTC."""
    moscow = DATE.astimezone(timezone(timedelta(hours=3)))
    (value,) = arrow.calls_to_table([Call(id="1", date=moscow)])["date"].to_pylist()
    assert (value, value.utcoffset()) == (DATE, timedelta(0))
