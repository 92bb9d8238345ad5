"""The state of the fake server: it can be read and set at any time, and its calls look real."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from roistat_async.testing import FakeRoistat, sample_data

from .conftest import NOON, PlainClient

MOSCOW = timezone(timedelta(hours=3))


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


@pytest.fixture(scope="module")
def rows() -> list[tuple[datetime, str]]:
    """Return date and status of the calls of a year, in the time of Moscow."""
    calls = FakeRoistat(calls=20_000, clock=lambda: NOON, business_hours=True).state.calls
    return [
        (datetime.fromtimestamp(calls.date_at(n), MOSCOW), str(calls.value_at(n, "status")))
        for n in range(len(calls))
    ]


def test_a_week(rows: list[tuple[datetime, str]]) -> None:
    """Most calls come by day and on weekdays, 50 a day on average; at night nobody answers."""
    assert 0.9 < sum(8 <= at.hour < 20 for at, _ in rows) / len(rows) < 0.99
    counts = Counter(at.weekday() >= 5 for at, _ in rows)
    assert 0 < counts[True] / 2 < counts[False] / 5 / 2
    assert {status for at, status in rows if not 8 <= at.hour < 21} == {"NOANSWER"}
    days = (rows[-1][0] - rows[0][0]) / timedelta(days=1)
    assert len(rows) / days == pytest.approx(50, abs=5)


def test_a_new_status_leaves_the_nights_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of statuses need not divide that of the different calls."""
    monkeypatch.setattr(sample_data, "STATUSES", [*sample_data.STATUSES, "VOICEMAIL"])
    fake = FakeRoistat(calls=6_000, seed=51, clock=lambda: NOON, business_hours=True)
    calls = fake.state.calls
    nights = {
        calls.value_at(n, "status")
        for n in range(len(calls))
        if not 8 <= datetime.fromtimestamp(calls.date_at(n), MOSCOW).hour < 21
    }
    assert nights == {"NOANSWER"}


@pytest.mark.parametrize("hour", range(0, 168, 11))
def test_the_newest_call_is_fresh(hour: int) -> None:
    """At any hour the last call was a minute ago, calls are in order, and a seed repeats them."""
    now = NOON + hour * 3600
    first, second, none = (
        FakeRoistat(calls=count, clock=lambda: now, business_hours=True).state.calls
        for count in (50, 50, 0)
    )
    dates = [row["date"] for row in first]
    assert dates == sorted(dates) == [row["date"] for row in second]
    assert (first.date_at(49), list(none)) == (now - 60, [])


def test_a_test_is_alike_at_any_time_of_the_week() -> None:
    """Without business hours the same calls come at the same distance from now."""

    def ages(now: float) -> list[tuple[float, object]]:
        calls = FakeRoistat(calls=50, clock=lambda: now).state.calls
        return [(now - calls.date_at(n), calls.value_at(n, "status")) for n in range(50)]

    assert ages(NOON) == ages(NOON + 61 * 3600)
