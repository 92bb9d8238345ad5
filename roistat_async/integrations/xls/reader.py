"""From a file to the rows of the call history."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from ...downloads.file_kind import MAX_HEAD_SIZE, FileKind, sniff
from ...downloads.xls_integrity import LAST_SECTOR_CUT, find_truncation
from ...errors import ContentError, TruncatedError
from ...extras import import_extra
from . import spreadsheet_ml
from .rows import CallHistoryRow, Columns, Rows, parse_sheet

_READ_BY_CALAMINE = (FileKind.XLS, FileKind.XLSX, FileKind.ZIP)
_ERROR_CODE = re.compile("[a-z_]{3,60}")


def read_call_history(path: str | os.PathLike[str], *, tz: tzinfo = UTC) -> list[CallHistoryRow]:
    """Return the calls of an exported .xls file, in the order of the file.

        rows = read_call_history("calls.xls", tz=ZoneInfo("Europe/Moscow"))

    Excel stores dates without a time zone: `tz` is the zone in which Roistat wrote them, probably
    that of the project. A date that has an offset of its own needs none. Durations are in seconds.
    SpreadsheetML and .xlsx are read too, whatever the file is called. A value that its field cannot
    hold never costs the row: see `CallHistoryRow.extra`.

    The file is read at once: in an event loop use `asyncio.to_thread`. Raises ContentError for
    anything but a sheet with the call history, TruncatedError for a part of one, and OSError.
    """
    path = Path(path)
    data = path.read_bytes()
    columns: Columns | None = None
    calls: list[CallHistoryRow] = []
    for rows in _sheets(path, data):
        columns, parsed = parse_sheet(rows, tz, columns)
        calls += parsed
    if columns is None:
        raise ContentError(
            f"{path} has no headings of the call history, such as Date, Status and Duration; "
            "read a file of calls.export_xls",
            path=path,
        )
    return calls


def _sheets(path: Path, data: bytes) -> Iterator[Rows]:
    """Yield the rows of each sheet, by the kind that the bytes show, not by the name."""
    kind = sniff(data[:MAX_HEAD_SIZE])
    if kind is FileKind.SPREADSHEET_ML:
        return _guarded(path, spreadsheet_ml.read_sheets(data))
    if kind in _READ_BY_CALAMINE:
        _require_whole(path, data)
        return _guarded(path, _read_with_calamine(data))
    raise ContentError(f"{path} is {kind.value}, not a sheet; {_advice(kind, data)}", path=path)


def _read_with_calamine(data: bytes) -> Iterator[Rows]:
    calamine = import_extra("python_calamine", extra="xls")
    workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in workbook.sheet_names:
        yield workbook.get_sheet_by_name(name).to_python()


def _guarded(path: Path, sheets: Iterable[Rows]) -> Iterator[Rows]:
    """Yield the sheets of a file; raise ContentError where the file cannot be parsed."""
    try:
        yield from sheets
    except BaseException as error:
        # A panic of calamine is no Exception. The text of an error may hold a value of the file.
        problem = _describe(error)
        if problem is None:
            raise
    else:
        return
    raise ContentError(f"{path} {problem}", path=path)


def _describe(error: BaseException) -> str | None:
    """Return what an error of a parser means; None for an error of another kind."""
    if type(error).__name__ == "PasswordError":
        return "is protected by a password; save it without one"
    is_parser = isinstance(error, ParseError) or type(error).__module__ in (
        "python_calamine",
        "python_calamine._python_calamine",
        "pyo3_runtime",
    )
    return "is damaged; export it again" if is_parser else None


def _require_whole(path: Path, data: bytes) -> None:
    """Raise TruncatedError for a file without its end: calamine might read the first rows of it."""
    problem = find_truncation(lambda offset, size: data[offset : offset + size], len(data))
    if problem is not None and problem != LAST_SECTOR_CUT:
        raise TruncatedError(f"{path} is incomplete: {problem}; export it again", path=path)


def _advice(kind: FileKind, data: bytes) -> str:
    code = _error_code(data) if kind is FileKind.JSON else None
    if code is not None:
        return f"it holds Roistat's error {code}: export it again with calls.export_xls"
    return "export it again with calls.export_xls, which checks what it saves"


def _error_code(data: bytes) -> str | None:
    """Return the error of a response that a program saved as a file."""
    try:
        body: Any = json.loads(data)
    except ValueError:
        return None
    code = body.get("error") if isinstance(body, dict) else None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else None
