"""The state of the fake server can be read and set at any time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import PlainClient


async def test_added_call_is_the_newest(api: PlainClient) -> None:
    """A call without a date has the current time, also if a hook adds it to its own response."""
    call = api.fake.state.add_call(caller="79000009999")
    assert (await api.calls(limit=1))[0]["caller"] == "79000009999"
    assert call["date"] == "2027-01-15T08:00:00+0000"
    api.fake.on_request = lambda _: api.fake.state.add_call(id="10050")
    assert (await api.ids(limit=2)).count("10050") == 1  # two rows may share an id


@pytest.mark.parametrize(
    "when", ["2027-01-14T00:00:00+0300", 1_799_874_000, datetime(2027, 1, 13, 21, tzinfo=UTC)]
)
async def test_late_call_is_sorted_by_date(api: PlainClient, when: str | int | datetime) -> None:
    """A call of the past is listed in order of its date, with the newest id."""
    call = api.fake.state.add_call(date=when)
    rows = await api.calls(sort=["date", "asc"])
    assert rows == sorted(rows, key=lambda row: row["date"])
    assert (call["date"], call["id"]) == ("2027-01-13T21:00:00+0000", max(await api.ids()))


def test_several_projects() -> None:
    """Each project has as many calls, and they are other calls."""
    fake = FakeRoistat(calls=30, projects=[678, 9], clock=lambda: 1.8e9)
    assert list(fake.projects) == [12345, 678, 9]
    assert [len(project.calls) for project in fake.projects.values()] == [30, 30, 30]
    callers = [[row["caller"] for row in project.calls] for project in fake.projects.values()]
    assert callers[0] != callers[1] != callers[2]


async def test_changed_rows(api: PlainClient) -> None:
    """An edit and a change of a row are in the next response, in order of the new date."""
    first = api.fake.state.calls[0]["id"]
    api.fake.state.edit_call(first, status="DONTCALL", date=1.8e9)
    (row,) = await api.calls(limit=1)
    assert (row["id"], row["status"]) == (first, "DONTCALL")
    row = api.fake.state.calls[0]
    old = row["id"]
    row |= {"id": "5", "date": "2027-01-15T08:00:01+0000", "odd": [1]}
    (listed,) = await api.calls(limit=1)
    assert (listed["id"], listed["odd"]) == ("5", [1])
    assert api.fake.state.calls.get("5") is row
    assert api.fake.state.calls.get(old) is None


async def test_odd_rows(api: PlainClient) -> None:
    """A call with an invalid date stays at its position, and a deleted field stays absent."""
    api.fake.state.calls[3]["date"] = "0000-00-00 00:00:00"
    del api.fake.state.calls[3]["visit"]
    row = (await api.calls(sort=["date", "asc"]))[3]
    assert (row["date"], "visit" in row) == ("0000-00-00 00:00:00", False)


async def test_delete(api: PlainClient) -> None:
    """A deleted call is neither listed nor found by its id; a new list replaces every call."""
    api.fake.state.delete_call("10007")
    assert "10007" not in await api.ids()
    assert api.fake.state.calls.get("10007") is None
    with pytest.raises(KeyError):
        api.fake.state.delete_call("10007")
    api.fake.state.calls = [{"id": "2", "date": "2027-01-02"}, {"id": "1", "date": "2027-01-01"}]
    assert (await api.ids(), len(api.fake.state.calls)) == (["2", "1"], 2)


def test_many_deletes_and_inserts_keep_the_order() -> None:
    """Calls stay sorted by date after many changes, and a large page is serialised again."""
    project = FakeRoistat(calls=1000).state
    assert b'"id":"10001"' in project.calls.to_json(range(1000), frozenset())
    for number in range(0, 1000, 10):
        call: Any = project.calls.get(10_001 + number)
        project.add_call(date=call["date"], id=f"x{number}")
        project.delete_call(10_001 + number)
    assert b'"id":"10001"' not in project.calls.to_json(range(1000), frozenset())
    dates = [row["date"] for row in project.calls]
    assert dates == sorted(dates)
    assert len(dates) == len(set(project.calls.ids())) == 1000


async def test_recording_can_be_replaced_and_deleted(api: PlainClient) -> None:
    """A recording can be replaced and deleted."""
    recordings = api.fake.state.recordings
    some, other = list(recordings)[:2]
    recordings[some] = b"new"
    del recordings[other]
    assert (await api.raw(f"calltracking/call/{some}/file"))[1] == b"new"
    assert (await api.raw(f"calltracking/call/{other}/file"))[1] == b""
    assert other not in recordings
