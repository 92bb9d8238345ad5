"""Rows on stdout: NDJSON in a pipe, a table on a terminal."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async.testing import FakeRoistat
from tests.helpers.odd_values import odd_calls

from .conftest import Roistat


def test_ndjson(fake: FakeRoistat, roistat: Roistat) -> None:
    """In a pipe each call is a line of JSON, the newest first, and nothing else is on stdout.

    Keys are attributes' names, dates ISO 8601 with an offset, unknown keys under `extra`.
    """
    fake.state.edit_call(fake.state.calls.ids()[-1], brand_new=[1])
    ended = roistat("calls", "--page-size", "25", "--extend", "visit,order")
    assert (ended.code, ended.err) == (0, "")
    assert [row["id"] for row in ended.rows] == fake.state.calls.ids()[::-1]
    first, second, *_ = ended.rows
    assert datetime.fromisoformat(first["date"]).utcoffset() is not None
    assert {"answer_duration", "visit_id", "visit", "order"} <= set(first)
    assert (first["extra"], "extra" in second) == ({"brand_new": [1]}, False)


def test_length_of_a_table(roistat: Roistat) -> None:
    """A table has --limit rows, or 50 and a note on stderr of more, or a note of none."""
    for limit, rows in ((), 50), (("--limit", "55"), 55):
        ended = roistat("calls", "--table", *limit)
        assert len(ended.out.splitlines()) == 1 + rows
        assert ("the first 50 of 60" in ended.err) is (not limit)
    ended = roistat("calls", "--table", "--filter", "id = 1")
    assert (ended.code, ended.out, "nothing found" in ended.err) == (0, "", True)


def test_long_table_is_written_in_batches(
    fake: FakeRoistat, roistat: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long table is written in batches, each row once."""
    monkeypatch.setattr("roistat_async.cli.list_output._BATCH", 25)
    lines = roistat("calls", "--table", "--limit", "60", "--page-size", "9").out.splitlines()
    assert [line.split()[0] for line in lines if "Date" not in line] == fake.state.calls.ids()[::-1]
    assert len(lines) == 60 + 3


@pytest.mark.parametrize("form", ["--table", "--json"])
def test_control_characters_are_escaped(form: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """Neither escapes, C1 controls nor bidirectional marks reach the terminal; markup is text."""
    evil = "\x1b]0;owned\x07[red]\x9b31m\u202egnp"
    fake.state.edit_call(fake.state.calls.ids()[-1], script_name=evil)
    out = roistat("calls", form, "--limit", "1").out
    assert not set(out) & set("\x1b\x07\x9b\u202e")
    if form == "--json":
        assert json.loads(out)["script_name"] == evil
    fake.state.edit_call(fake.state.calls.ids()[-1], script_name="[bold]x[/bold] :smile:")
    options = ("--columns", "script_name", "--limit", "1")
    assert "[bold]x[/bold] :smile:" in roistat("calls", form, *options).out


def test_filters(fake: FakeRoistat, roistat: Roistat) -> None:
    """Several filters must all match; the values of `in` are separated by commas."""
    arguments = ("--filter", "status in ANSWER,BUSY", "--filter", "duration>20")
    ids = [row["id"] for row in roistat("calls", *arguments).rows]
    calls = [call for call in fake.state.calls if call["status"] in ("ANSWER", "BUSY")]
    assert sorted(ids) == [call["id"] for call in calls if call["duration"] > 20] != []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("status = busy", ["status", "=", "BUSY"]),
        ("status in answer, Busy", ["status", "in", ["ANSWER", "BUSY"]]),
        ("caller = +7 (900) 000-00-01", ["caller", "=", "79000000001"]),
        ("callee like +7 495%", ["callee", "like", "7495%"]),
        ("caller = anonymous", ["caller", "=", "anonymous"]),
        ("duration >= 1.5", ["duration", ">=", "1.5"]),
        ("order_id null no", ["order_id", "null", 0]),
        ("order_id = A-5", ["order_id", "=", "A-5"]),
        ("comment like 50%", ["comment", "like", "50%"]),
    ],
)
def test_c4_filters_are_normalised(
    typed: str, sent: list[Any], fake: FakeRoistat, roistat: Roistat
) -> None:
    """Statuses may be in small letters, and phone numbers as they are written."""
    assert roistat("calls", "--filter", typed, "--limit", "1").code == 0
    assert fake.requests[0].body["filters"] == [sent]


def test_period_is_in_the_time_zone(fake: FakeRoistat, roistat: Roistat) -> None:
    """A day of --period is a day of --tz, from its first second to its last."""
    fake.state.calls = []
    for day in ("2026-04-30", "2026-05-01"):
        for hour in ("20:59:59", "21:00:00"):
            fake.state.add_call(date=f"{day}T{hour}+0000")
    arguments = ("--period", "2026-05-01..2026-05-01", "--tz", "Europe/Moscow")
    rows = roistat("calls", *arguments, "--sort", "date:asc").rows
    assert [row["date"][11:19] for row in rows] == ["21:00:00", "20:59:59"]


def test_last(fake: FakeRoistat, roistat: Roistat) -> None:
    """--last counts back from now."""
    fake.state.calls = []
    fake.state.add_call(date=fake.clock() - 2 * 3600)
    stored = fake.state.add_call(date=fake.clock() - 60)
    assert [row["id"] for row in roistat("calls", "--last", "1h").rows] == [stored["id"]]


@pytest.mark.parametrize("form", ["--json", "--table"])
def test_odd_values_end_no_list(form: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """Each call with a value that its field cannot hold is written."""
    calls = odd_calls()
    fake.state.calls.replace(calls)
    ended = roistat("calls", "--extend", "visit,order", "--limit", "5000", form)
    rows = [line for line in ended.out.splitlines() if "2026-0" in line]  # no headings
    assert (ended.code, len(rows)) == (0, len(calls))


@pytest.mark.parametrize("raw", [[1], {"a": 1}, False, 10**25], ids=repr)
@pytest.mark.parametrize("command", ["phones", "scripts"])
def test_odd_values(command: str, raw: object, fake: FakeRoistat, roistat: Roistat) -> None:
    """A record whose only readable value is its id is written with the others."""
    rows = getattr(fake.state, command)
    rows[0].update(dict.fromkeys(rows[0].keys() - {"id"}, raw))
    for form, heading in ("--json", 0), ("--table", 1):
        ended = roistat(command, form)
        assert (ended.code, len(ended.out.splitlines())) == (0, len(rows) + heading)


@pytest.mark.parametrize(("command", "rows"), [("calls", 59), ("phones", 6)])
def test_c5_bad_record_raises_or_is_skipped(
    command: str, rows: int, fake: FakeRoistat, roistat: Roistat
) -> None:
    """An unreadable record ends the list; a skipped one is reported with exit code 3."""
    fake.state.calls[-1]["date"] = "no date"
    fake.state.phones[3]["id"] = "no id"
    refused = roistat(command)
    assert (refused.code, "--on-bad-record skip" in refused.err) == (1, True)
    skipped = roistat(command, "--on-bad-record", "skip")
    assert (skipped.code, len(skipped.rows), "skipped 1" in skipped.err) == (3, rows, True)


def test_phones(roistat: Roistat) -> None:
    """`phones` lists the numbers, filtered and sorted."""
    rows = roistat("phones", "--filter", "is_external = 1", "--sort", "id:desc").rows
    assert rows == sorted(rows, key=lambda row: row["id"], reverse=True)
    assert all(row["is_external"] for row in rows)
    assert rows[0]["phone"] in roistat("phones", "--table").out


def test_scripts(fake: FakeRoistat, roistat: Roistat) -> None:
    """`scripts` lists the scripts and omits what Roistat did not send."""
    rows = roistat("scripts", "--existing").rows
    assert [row["id"] for row in rows] == [row["id"] for row in fake.state.scripts]
    assert "omitted" not in json.dumps(rows).lower()
    assert roistat("scripts", "--deleted").rows == []
    assert str(rows[0]["id"]) in roistat("scripts", "--table").out


def test_analytics(roistat: Roistat) -> None:
    """In a pipe the analytics are one JSON object, on a terminal they are charts."""
    (row,) = roistat("analytics", "--last", "30d").rows
    assert row["hourly_weekly_quantity"]["total"] == 60
    out = roistat("analytics", "--last", "30d", "--table").out
    for title in ("By day", "By hour", "By weekday", "By channel", "By region", "█"):
        assert title in out


def test_export(roistat: Roistat) -> None:
    """`export` saves an Excel 97-2003 file and prints its path and size."""
    (row,) = roistat("export", "calls.xls", "--last", "30d").rows
    data = Path("calls.xls").read_bytes()
    assert (row["size"], data[:4]) == (len(data), b"\xd0\xcf\x11\xe0")
