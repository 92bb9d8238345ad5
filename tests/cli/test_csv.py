"""CSV, columns, and the filters of calls that have an option of their own."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from roistat_async import Call, CallStatus, Device, Geo, Order, OrderStatus, Source, Visit
from roistat_async.cli.columns import call_columns
from roistat_async.cli.csv_output import without_formula
from roistat_async.models.plain import to_plain
from roistat_async.testing import FakeRoistat

from .conftest import Roistat

DATE = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _read(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_csv(fake: FakeRoistat, roistat: Roistat) -> None:
    """--csv writes every call of some statuses with the chosen columns, in their order."""
    columns = ("--columns", "id,date,status")
    ended = roistat("calls", "--csv", *columns, "--status", "answer,busy", "--status", "CANCEL")
    rows = _read(ended.out)
    wanted = {"ANSWER", "BUSY", "CANCEL"}
    calls = [call for call in fake.state.calls if call["status"] in wanted][::-1]
    assert (ended.code, ended.err, list(rows[0])) == (0, "", ["id", "date", "status"])
    assert [row["id"] for row in rows] == [call["id"] for call in calls]
    dates = [datetime.fromisoformat(row["date"]) for row in rows]
    assert dates == [datetime.fromisoformat(str(call["date"])) for call in calls]


def test_columns_request_the_parts_they_need(fake: FakeRoistat, roistat: Roistat) -> None:
    """A column of the visit or the order requests that part, without --extend."""
    rows = _read(roistat("calls", "--csv", "--columns", "id,geo_city,order_revenue").out)
    assert fake.requests[-1].body["extend"] == ["visit", "order"]
    visits = {call["id"]: call["visit"] for call in fake.state.calls if call["visit"]}
    cities = {call_id: visit["geo"]["city"] for call_id, visit in visits.items()}
    assert {row["id"]: row["geo_city"] for row in rows if row["geo_city"]} == cities


def test_columns_of_json_and_tables(fake: FakeRoistat, roistat: Roistat) -> None:
    """--columns chooses the keys of NDJSON and the columns of a table too."""
    columns = ("--columns", "status,id", "--limit", "1")
    row = {name: fake.state.calls[-1][name] for name in ("status", "id")}
    assert roistat("calls", *columns).rows == [row]
    table = roistat("calls", "--table", *columns).out
    assert [line.split() for line in table.splitlines()] == [[*row], [*row.values()]]


@pytest.mark.parametrize("command", ["calls", "phones", "scripts"])
def test_all_columns(command: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """`all` shows every column of calls, phones and scripts."""
    rows = _read(roistat(command, "--csv", "--columns", "all").out)
    assert len(rows) == len(getattr(fake.state, command))
    assert {"id", "creation_date" if command != "calls" else "visit_landing_page"} <= set(rows[0])
    assert None not in rows[0]


def test_columns_are_those_of_a_flat_call() -> None:
    """Each column of a call, in its order, has the value that `to_dict(flat=True)` has."""
    visit = Visit(id="5", date=DATE, device=Device(os="Linux"), geo=Geo(city="Omsk"))
    order = Order(id="7", revenue=9.5, status=OrderStatus(name="New"))
    static = Source(display_name="Site")
    calls = [
        Call("1", DATE, CallStatus.BUSY, visit=visit, order=order, static_source=static),
        Call("2", DATE, visit_id="6", order_id="8", visit=visit, order=order, tags={"a": 1}),
        Call("3", DATE, visit=attrs.evolve(visit, source=Source(utm_term="x"))),
        Call("4", DATE),
    ]
    for call in calls:
        row = {name: to_plain(column.value(call)) for name, column in call_columns().items()}
        flat = call.to_dict(flat=True)
        del flat["extra"]
        assert [*row.items()] == [*flat.items()]


def test_a_call_has_the_id_of_its_visit(fake: FakeRoistat, roistat: Roistat) -> None:
    """A call whose id of the visit only the visit has gets it from there."""
    fake.state.calls = []
    fake.state.add_call(visit={"id": "5", "referrer": "https://example.com/"}, visit_id=None)
    ended = roistat("calls", "--columns", "visit_id,visit_referrer", "--json")
    assert ended.rows == [{"visit_id": "5", "visit_referrer": "https://example.com/"}]


def test_an_empty_list_has_a_heading(roistat: Roistat) -> None:
    """Without rows, CSV is the heading alone."""
    ended = roistat("calls", "--csv", "--columns", "id,date", "--filter", "id = 1")
    assert (ended.code, ended.out) == (0, "id,date\n")


def test_excel(fake: FakeRoistat, roistat: Roistat) -> None:
    """--excel writes a byte order mark, semicolons, and dates as Excel reads them."""
    fake.state.calls = []
    fake.state.add_call(date="2026-05-01T21:30:00+0000", comment='Привет; "ok"')
    out = roistat("calls", "--excel", "--columns", "date,comment", "--tz", "Europe/Moscow").out
    assert out.startswith("\ufeffdate;comment")
    (row,) = _read(out.removeprefix("\ufeff"), ";")
    assert row == {"date": "2026-05-02 00:30:00", "comment": 'Привет; "ok"'}


@pytest.mark.parametrize("form", ["--csv", "--excel"])
def test_a_date_that_a_zone_does_not_have(form: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """A date within hours of year 1 is written with its own offset."""
    fake.state.calls[5]["date"] = "0001-01-01T00:00:00+0300"
    ended = roistat("calls", form, "--columns", "date", "--limit", "60")
    assert (ended.code, "0001-01-01" in ended.out) == (0, True)


def test_c23_no_cell_is_a_formula() -> None:
    """A text that a spreadsheet would evaluate begins with an apostrophe; numbers stay."""
    for text in ("=HYPERLINK(1)", "+7 (495) 000", "@SUM(A1)", "-2+3", "\t=1"):
        assert without_formula(text) == f"'{text}"
    for text in ("-5", "+79001234567", "a=1", ""):
        assert without_formula(text) == text


def test_c23_a_formula_of_a_visitor(fake: FakeRoistat, roistat: Roistat) -> None:
    """The name of a campaign is a formula in no row of --csv and --excel, but whole in JSON."""
    fake.state.edit_call(fake.state.calls.ids()[-1], script_name="=cmd|' /C calc'!A0")
    options = ("--columns", "script_name", "--limit", "1")
    for form in ("--csv", "--excel"):
        assert "\n'=cmd" in roistat("calls", form, *options).out.replace('"', "")
    assert roistat("calls", *options).rows[0]["script_name"].startswith("=cmd")


def _calls_of(fake: FakeRoistat, number: str) -> list[str]:
    pairs = [(call["id"], (call["caller"], call["callee"])) for call in fake.state.calls]
    return [call_id for call_id, numbers in pairs if number in numbers][::-1]


@pytest.mark.parametrize("field", ["caller", "callee"])
def test_phone(field: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """--phone lists the calls from or to a number, as it is written, newest first."""
    number = str(fake.state.calls[-1][field])
    typed = f"+{number[0]} ({number[1:4]}) {number[4:7]}-{number[7:]}"
    rows = roistat("calls", "--phone", typed, "--last", "60d", "--page-size", "5").rows
    assert [row["id"] for row in rows] == _calls_of(fake, number)
    limited = roistat("calls", "--phone", number, "--limit", "1").rows
    assert [row["id"] for row in limited] == _calls_of(fake, number)[:1]


def test_phone_of_caller_and_callee(fake: FakeRoistat, roistat: Roistat) -> None:
    """A call from a number to itself is listed once, among those from it and to it."""
    own, other = "79990000001", "79990000002"
    start = datetime(2026, 5, 1, tzinfo=UTC)
    for hour, (caller, callee) in enumerate([(own, other), (other, own), (own, own)]):
        date = (start + timedelta(hours=hour)).isoformat()
        fake.state.add_call(date=date, caller=caller, callee=callee)
    rows = roistat("calls", "--phone", own, "--sort", "date:asc").rows
    assert [row["date"][11:13] for row in rows] == ["00", "01", "02"]
    assert len(roistat("calls", "--phone", "7999000000%", "--sort", "id").rows) == 3


def test_bad_records_of_a_phone(fake: FakeRoistat, roistat: Roistat) -> None:
    """Unreadable calls of a number are reported with exit code 3, as in any list."""
    number = str(fake.state.calls[-1]["callee"])
    fake.state.edit_call(_calls_of(fake, number)[1], date="no date")
    ended = roistat("calls", "--phone", number, "--on-bad-record", "skip")
    assert (ended.code, "skipped 1" in ended.err) == (3, True), ended.err
