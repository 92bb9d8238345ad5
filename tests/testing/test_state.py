"""The state behind the fake can be read and set at any moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import Plain


async def test_added_call_is_the_newest(ask: Plain) -> None:
    """A call without a date happens now."""
    call = ask.fake.state.add_call(caller="79000009999")

    assert (await ask.calls(limit=1))[0]["caller"] == "79000009999"
    assert call["date"] == "2027-01-15T08:00:00+0000"


@pytest.mark.parametrize(
    "when", ["2027-01-14T00:00:00+0300", 1_799_874_000, datetime(2027, 1, 13, 21, tzinfo=UTC)]
)
async def test_late_call_takes_its_place(ask: Plain, when: str | int | datetime) -> None:
    """A call of the past is put where its date belongs, with the newest id."""
    call = ask.fake.state.add_call(date=when)
    rows = await ask.calls(sort=["date", "asc"])
    dates = [row["date"] for row in rows]

    assert call["date"] == "2027-01-13T21:00:00+0000"
    assert dates == sorted(dates)
    assert call["id"] == max(row["id"] for row in rows)


async def test_edit(ask: Plain) -> None:
    """An edit is in the next answer, a new date moves the call."""
    first = ask.fake.state.calls[0]["id"]
    ask.fake.state.edit_call(first, status="DONTCALL", date=1.8e9)
    (row,) = await ask.calls(limit=1)

    assert (row["id"], row["status"]) == (first, "DONTCALL")


async def test_row_changed_by_hand(ask: Plain) -> None:
    """A row is a plain dict: what a test writes into it is answered, in the right place."""
    row = ask.fake.state.calls[0]
    row |= {"id": "5", "date": "2027-01-15T07:59:59+0000", "odd": [1]}
    (answered,) = await ask.calls(limit=1)

    assert (answered["id"], answered["odd"]) == ("5", [1])
    assert ask.fake.state.calls.get("5") is row
    assert ask.fake.state.calls.get("10001") is None


async def test_date_that_is_none(ask: Plain) -> None:
    """A call with a senseless date stays where it was."""
    ask.fake.state.calls[3]["date"] = "0000-00-00 00:00:00"

    assert (await ask.calls(sort=["date", "asc"]))[3]["date"] == "0000-00-00 00:00:00"


async def test_missing_field_stays_missing(ask: Plain) -> None:
    """A field deleted from a row is not made up again."""
    del ask.fake.state.calls[-1]["visit"]

    assert "visit" not in (await ask.calls(limit=1))[0]


async def test_delete(ask: Plain) -> None:
    """A deleted call is gone from list and lookup."""
    ask.fake.state.delete_call("10007")

    assert "10007" not in await ask.ids()
    assert ask.fake.state.calls.get("10007") is None
    with pytest.raises(KeyError):
        ask.fake.state.delete_call("10007")


async def test_replace_all(ask: Plain) -> None:
    """Assigning a list replaces every call."""
    ask.fake.state.calls = [{"id": "2", "date": "2027-01-02"}, {"id": "1", "date": "2027-01-01"}]

    assert await ask.ids() == ["2", "1"]
    assert len(ask.fake.state.calls) == 2


async def test_same_id_twice(ask: Plain) -> None:
    """Two rows may share an id, as real lists do."""
    ask.fake.state.add_call(id="10050")

    assert (await ask.ids()).count("10050") == 2


async def test_changed_book_forgets_large_pages() -> None:
    """A large page that was written before is not served stale."""
    project = FakeRoistat(calls=1000).state
    before = project.calls.to_json(range(1000), frozenset())
    project.delete_call("10001")
    after = project.calls.to_json(range(999), frozenset())

    assert (b'"id":"10001"' in before, b'"id":"10001"' in after) == (True, False)


def test_many_deletes_and_inserts_keep_the_order() -> None:
    """The book stays in order of time under any mixture of changes."""
    project = FakeRoistat(calls=300).state
    for number in range(0, 300, 3):
        moved = project.calls.get(10_001 + number)
        assert moved is not None
        project.add_call(date=str(moved["date"]), id=f"x{number}")
        project.delete_call(10_001 + number)
    dates = [row["date"] for row in project.calls]

    assert dates == sorted(dates)
    assert len(dates) == len(set(project.calls.ids())) == 300


async def test_recording_can_be_set_and_taken(ask: Plain) -> None:
    """Bytes put into the state are the ones downloaded."""
    recordings = ask.fake.state.recordings
    some, other = list(recordings)[:2]
    recordings[some] = b"mine"
    del recordings[other]

    assert (await ask.raw(f"calltracking/call/{some}/file"))[1] == b"mine"
    assert (await ask.raw(f"calltracking/call/{other}/file"))[1] == b""
    assert other not in recordings
