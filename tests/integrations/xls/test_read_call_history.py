"""The exported call history is read into typed rows, and other files are refused."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import attrs
import pytest

from roistat_async import CallStatus, Period, errors
from roistat_async.integrations.xls import CallHistoryRow, read_call_history
from roistat_async.testing import xls
from tests.helpers.clients import retrying_client
from tests.sync import live

calamine = pytest.importorskip("python_calamine", reason="calamine is missing: extra `xls`")

MOSCOW = ZoneInfo("Europe/Moscow")
HEADINGS = ["Date", "Customer Number", "Dialed Number", "Status", "Duration"]
RUSSIAN_HEADINGS = [
    "Дата", "Номер клиента", "Набранный номер", "Статус", "Длительность", "Запись звонка",
    "Номер сделки", "Комментарий", "Номер визита", "Источник", "Город", "Страна", "Домен",
    "Реферер", "Страница входа", "UTM_Source", "UTM_Medium", "UTM_Campaign", "UTM_Term",
    "UTM_Content", "Openstat", "Google Client Id",
]  # fmt: skip
SPREADSHEET_ML = """<?xml version="1.0" encoding="{encoding}"?>
<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Звонки"><Table>
<Row><Cell><Data ss:Type="String">Дата</Data></Cell><Cell><Data ss:Type="String">Номер клиента</Data
></Cell><Cell><Data ss:Type="String">Статус</Data></Cell><Cell ss:Index="5"><Data ss:Type="String">
Длительность</Data></Cell></Row>
<Row><Cell><Data ss:Type="DateTime">2026-05-01T10:11:12.000</Data></Cell>
<Cell><Data ss:Type="Number">74951234567</Data></Cell>
<Cell><Data ss:Type="String">BUSY</Data></Cell>
<Cell ss:Index="5"><Data ss:Type="Number">65</Data></Cell></Row>
</Table></Worksheet></Workbook>"""


def write_xls(
    path: Path, *sheets: Sequence[Sequence[Any]], formats: dict[int, str] | None = None
) -> Path:
    """Write sheets as Excel 97-2003; `formats` are those of columns below the headings."""
    import xlwt

    workbook = xlwt.Workbook(encoding="utf-8")
    for number, rows in enumerate(sheets):
        sheet = workbook.add_sheet(f"Sheet {number}")
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                style = (formats or {}).get(column, "General")
                sheet.write(row, column, value, xlwt.easyxf(num_format_str=style))
    workbook.save(str(path))
    return path


def read_rows(folder: Path, *sheets: Sequence[Sequence[Any]]) -> list[CallHistoryRow]:
    """Write sheets, and return the rows that are read from them."""
    return read_call_history(write_xls(folder / "a.xls", *sheets))


def read_cell(folder: Path, heading: str, value: object, number_format: str = "General") -> Any:
    """Return the only row of a file with one cell besides its headings."""
    headings = [*(name for name in HEADINGS if name != heading), heading]
    rows: list[list[Any]] = [headings, [*[None] * (len(headings) - 1), value]]
    formats = {len(headings) - 1: number_format}
    (row,) = read_call_history(write_xls(folder / "one.xls", rows, formats=formats), tz=MOSCOW)
    return row


async def test_the_export_is_the_calls(tmp_path: Path) -> None:
    """Each call of a period is one row of the export, with the values that the list has."""
    path, period = tmp_path / "calls.xls", Period.last(days=3650)
    async with live.server(300) as fake, retrying_client(fake) as roistat:
        await roistat.calls.export_xls(period, to=path)
        calls = await roistat.calls.list(period=period, extend=("visit", "order")).collect()
    rows = {(row.date, row.caller): row for row in read_call_history(path)}
    assert len(rows) == len(calls) == 300
    for call in calls:
        row = rows[call.date, call.caller]
        visit = call.visit
        assert (row.callee, row.status, row.duration) == (call.callee, call.status, call.duration)
        assert (row.link, row.order_id) == (call.link, call.order_id)
        assert (row.visit_id, row.comment) == (call.visit_id, call.comment or None)
        assert row.landing_page == (visit.landing_page if visit else None)
        assert row.extra == {}


def test_russian_headings(tmp_path: Path) -> None:
    """The 22 columns have the same fields under Russian headings as under the vendor's."""
    values = ["2026-05-01 10:11:12", "1", "2", "BUSY", "4", *"abcdefghijklmnopq"]
    english = read_rows(tmp_path, [list(xls.COLUMNS), values])
    russian = read_rows(tmp_path, [RUSSIAN_HEADINGS, values])
    assert english == russian
    assert english[0].extra == {}
    assert None not in attrs.astuple(english[0])
    assert english[0].google_client_id == "q"


def test_case_and_spaces_of_headings(tmp_path: Path) -> None:
    """A heading is recognised whatever its case, spaces, dashes and underscores are."""
    headings = ["DATE ", " dialed-number", "utm source", "Landing_Page"]
    (row,) = read_rows(tmp_path, [headings, [None, "7", "ya", "/"]])
    assert (row.callee, row.utm_source, row.landing_page) == ("7", "ya", "/")


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (datetime(2026, 5, 1, 10, 11, 12), "DD.MM.YYYY HH:MM:SS", "2026-05-01T10:11:12+03:00"),
        (date(2026, 5, 1), "DD.MM.YYYY", "2026-05-01T00:00:00+03:00"),
        (46143.5, "General", "2026-05-01T12:00:00+03:00"),
        ("2026-05-01T10:11:12+0000", "General", "2026-05-01T10:11:12+00:00"),
        ("2026-05-01 10:11:12", "General", "2026-05-01T10:11:12+03:00"),
        ("01.05.2026 10:11:12", "General", "2026-05-01T10:11:12+03:00"),
        ("1.5.2026, 9:05", "General", "2026-05-01T09:05:00+03:00"),
    ],
)
def test_dates(tmp_path: Path, value: object, number_format: str, expected: str) -> None:
    """A date is aware: of its own offset, or else of the given zone."""
    assert read_cell(tmp_path, "Date", value, number_format).date.isoformat() == expected


@pytest.mark.parametrize(
    ("value", "number_format", "seconds"),
    [
        (65, "General", 65),
        (65.0, "0", 65),
        ("65", "General", 65),
        ("00:01:05", "General", 65),
        ("1:05", "General", 65),
        ("27:00:01", "General", 97_201),
        (time(0, 1, 5), "HH:MM:SS", 65),
        (65 / 86_400, "[h]:mm:ss", 65),
        (0, "General", 0),
    ],
)
def test_durations(tmp_path: Path, value: object, number_format: str, seconds: int) -> None:
    """A duration is in seconds, whether it is a number, a text, a time or a duration of Excel."""
    assert read_cell(tmp_path, "Duration", value, number_format).duration == seconds


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (74951234567, "General", "74951234567"),
        (12.5, "General", "12.5"),
        ("7 (495)", "General", "7 (495)"),
        (datetime(2026, 5, 1, 10), "DD.MM.YYYY HH:MM", "2026-05-01T10:00:00"),
    ],
)
def test_cells_as_text(tmp_path: Path, value: object, number_format: str, text: str) -> None:
    """A number is text without a fraction, and a date is its ISO form."""
    assert read_cell(tmp_path, "Customer Number", value, number_format).caller == text


@pytest.mark.parametrize(
    ("heading", "name", "value"),
    [
        ("Date", "date", "yesterday"),
        ("Date", "date", 3.0),
        ("Date", "date", "0001-01-01 00:00"),
        ("Date", "date", "31.02.2026"),
        ("Duration", "duration", "long"),
        ("Duration", "duration", -1.0),
        ("Duration", "duration", 0.5),
        ("Visit Number", "visit_id", 1e20),
    ],
)
def test_odd_values(tmp_path: Path, heading: str, name: str, value: object) -> None:
    """A value that its field cannot hold is in `extra`, and the row stays."""
    row = read_cell(tmp_path, heading, value)
    assert getattr(row, name) is None
    assert row.extra == {name: value}


def test_unknown_columns(tmp_path: Path) -> None:
    """Columns that are unknown, nameless or doubled are in `extra` under names of their own."""
    headings = ["Date", "Status", "Source", "Manager", "", "Status", "Manager"]
    cells = ["", "BUSY", "ads", "Ann", 1.5, "x", "Bob", "beyond"]
    (row,) = read_rows(tmp_path, [headings, cells])
    assert (row.status, row.source) == (CallStatus.BUSY, "ads")
    names = ("Manager", "column 5", "Status", "Manager (7)", "column 8")
    assert row.extra == dict(zip(names, cells[3:], strict=True))


def test_unknown_status(tmp_path: Path) -> None:
    """A status that the vendor does not document is returned as it is."""
    status = read_cell(tmp_path, "Status", "Отвечен").status
    assert (status, status.is_known) == ("Отвечен", False)


def test_several_sheets(tmp_path: Path) -> None:
    """All sheets are read: those with headings of their own, and those that continue another."""
    first = [["Calls"], [], HEADINGS, ["2026-05-01", "1"]]
    second = [["Date", "Status", "Customer Number"], ["2026-05-02", "BUSY", "2"]]
    third = [["2026-05-03", "BUSY", "3"], ["", "", ""], ["2026-05-04", "BUSY", "4"]]
    rows = read_rows(tmp_path, first, second, third)
    assert [row.caller for row in rows] == ["1", "2", "3", "4"]


def test_no_calls(tmp_path: Path) -> None:
    """An export of a period without calls is an empty list."""
    (tmp_path / "a.xls").write_bytes(xls.workbook([]))
    assert read_call_history(tmp_path / "a.xls") == []


def test_xlsx(tmp_path: Path) -> None:
    """An .xlsx is read under the name .xls too."""
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is missing: pip install openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.append(HEADINGS)
    date, length = datetime(2026, 5, 1, 10), timedelta(seconds=65)
    workbook.active.append([date, 74951234567, "2", "BUSY", length])
    workbook.save(tmp_path / "a.xls")
    (row,) = read_call_history(str(tmp_path / "a.xls"))
    assert (row.date, row.caller) == (datetime(2026, 5, 1, 10, tzinfo=UTC), "74951234567")
    assert (row.status, row.duration) == (CallStatus.BUSY, 65)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_spreadsheet_ml(tmp_path: Path, encoding: str) -> None:
    """SpreadsheetML is read, with the columns that its indexes name."""
    path = tmp_path / "a.xls"
    path.write_bytes(SPREADSHEET_ML.format(encoding=encoding).encode(encoding))
    (row,) = read_call_history(path, tz=MOSCOW)
    date = datetime(2026, 5, 1, 10, 11, 12, tzinfo=MOSCOW)
    expected = CallHistoryRow(date=date, caller="74951234567", status=CallStatus.BUSY, duration=65)
    assert row == expected


def test_cells_of_spreadsheet_ml(tmp_path: Path) -> None:
    """Merged cells take their columns; a cell may have no data, or an invalid number."""
    text = SPREADSHEET_ML.format(encoding="utf-8")
    text = text.replace('<Cell><Data ss:Type="Number">74951234567</Data></Cell>', "<Cell></Cell>")
    text = text.replace('<Cell><Data ss:Type="String">BUSY', '<Cell ss:MergeAcross="1"><Data>BUSY')
    text = text.replace(
        '<Cell ss:Index="5"><Data ss:Type="Number">65', '<Cell><Data ss:Type="Number">x'
    )
    path = tmp_path / "a.xls"
    path.write_text(text, encoding="utf-8")
    (row,) = read_call_history(path)
    assert (row.caller, row.status, row.duration) == (None, CallStatus.BUSY, None)
    assert row.extra == {"duration": "x"}


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says how to install it."""
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[xls\]'"):
        read_rows(tmp_path, [HEADINGS])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"status": "error", "error": "access_denied"}', "JSON.*Roistat's error access_denied"),
        (b'{"error": "access_de', "JSON, not a sheet; export it again"),
        (b'{"error": "+7 495 123-45-67"}', "JSON, not a sheet; export it again"),
        (b"<!DOCTYPE html><html><table><tr><td>Date</td></tr></table></html>", "HTML, not a sheet"),
        (b"", "empty, not a sheet"),
        (b"Date;Status;Duration\n2026-05-01;BUSY;5\n", "CSV, not a sheet"),
        (SPREADSHEET_ML.format(encoding="utf-8").encode()[:-40], "damaged; export it again"),
        (b"PK\x03\x04" + b"\0" * 99 + b"PK\x05\x06" + b"\0" * 18, "damaged; export it again"),
    ],
    ids=["error", "cut", "json", "html", "empty", "csv", "xml", "zip"],
)
def test_r1_other_files(tmp_path: Path, content: bytes, text: str) -> None:
    """A file that is no sheet is a ContentError that names its kind and shows nothing of it."""
    path = tmp_path / "calls.xls"
    path.write_bytes(content)
    with pytest.raises(errors.ContentError, match=text) as caught:
        read_call_history(path)
    assert caught.value.path == path
    assert "495" not in str(caught.value)


def test_other_sheet(tmp_path: Path) -> None:
    """A sheet without the headings of the call history is a ContentError."""
    with pytest.raises(errors.ContentError, match="no headings of the call history"):
        read_rows(tmp_path, [["Name", "Price"], ["Nail", 5]])


def test_r2_truncated(tmp_path: Path) -> None:
    """A file that was cut is an error wherever it was cut, never fewer rows."""
    texts = [[f"{second} text"] * 21 for second in range(60)]
    data = xls.workbook([["2026-05-01T10:11:12+0000", *row] for row in texts])
    path = tmp_path / "a.xls"
    for size in range(8, len(data) - 1, 509):
        path.write_bytes(data[:size])
        with pytest.raises(errors.DownloadError):
            read_call_history(path)


def test_r2_lost_sector(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A sector that the disk lost is an error of this library, never another exception."""
    data = xls.workbook([["2026-05-01", *["text"] * 21]] * 20)
    path = tmp_path / "a.xls"
    for offset in range(0, len(data), 512):
        path.write_bytes(data[:offset] + bytes(512) + data[offset + 512 :])
        with suppress(errors.DownloadError):
            read_call_history(path)
    capfd.readouterr()  # calamine may print where it panics


PANIC = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})


@pytest.mark.parametrize(
    ("error", "text"), [(PANIC, "damaged"), (calamine.PasswordError, "password")]
)
def test_errors_of_calamine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], text: str
) -> None:
    """A panic, which is no Exception, and a protected sheet are errors that say so."""
    workbook = Mock(from_filelike=Mock(side_effect=error("range end index 7")))
    monkeypatch.setattr("python_calamine.CalamineWorkbook", workbook)
    with pytest.raises(errors.ContentError, match=text):
        read_rows(tmp_path, [HEADINGS])


def test_missing_file(tmp_path: Path) -> None:
    """A file that does not exist is the usual FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        read_call_history(tmp_path / "a.xls")


def test_nothing_personal_in_the_repr(tmp_path: Path) -> None:
    """The repr of a row shows no phone number, comment, recording or unknown column."""
    headings = [*HEADINGS, "Call Recording", "Comment", "Google Client Id", "Manager"]
    values = ["2026-05-01", "74951234567", "74957654321", "BUSY", 5, *["secret"] * 4]
    (row,) = read_rows(tmp_path, [headings, values])
    assert "secret" not in repr(row)
    assert "74951234567" not in repr(row)
    assert "7495•••4321" in repr(row)
