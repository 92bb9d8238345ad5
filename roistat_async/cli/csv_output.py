"""Output of a list on stdout as CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from ..models.omitted import OMITTED
from .table import Column
from .text import escape_control
from .zones import format_datetime

T = TypeVar("T")

_FORMULA = tuple("=+-@\t\r")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


class CsvOutput(Generic[T]):
    """CSV on stdout: a heading, then the rows.

    For Excel it begins with a byte order mark, has semicolons and dates without an offset: Excel in
    a language with a decimal comma, as Russian, opens that by a double click.
    """

    def __init__(self, columns: Sequence[Column[T]], zone: tzinfo, *, for_excel: bool) -> None:
        self._columns = columns
        self._zone = zone
        self._for_excel = for_excel
        self._is_terminal = sys.stdout.isatty()
        heading = [column.name for column in columns]
        self._write("\ufeff" * for_excel + self._format([heading]))

    def write(self, rows: Sequence[T]) -> None:
        """Write rows, and flush."""
        values = [[self._cell(column.value(row)) for column in self._columns] for row in rows]
        self._write(self._format(values))

    def _format(self, rows: Sequence[Sequence[str]]) -> str:
        text = io.StringIO(newline="")
        delimiter, end = (";", "\r\n") if self._for_excel else (",", "\n")
        csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
        return text.getvalue()

    def _write(self, text: str) -> None:
        # A lone surrogate cannot be encoded.
        sys.stdout.buffer.write(text.encode(errors="replace"))
        sys.stdout.flush()

    def _cell(self, value: object) -> str:
        if isinstance(value, datetime):
            text = format_datetime(value, self._zone) or ""
            return text if self._for_excel else _iso(value, self._zone)
        text = without_formula(str(value)) if isinstance(value, str) else _plain(value)
        return escape_control(text) if self._is_terminal else text


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet evaluates: an apostrophe comes before `=`, `+`, `-`, `@`.

    The names of channels and campaigns come from the links that visitors follow, so anybody can
    write a formula there. Plain numbers stay as they are.
    """
    if not text.startswith(_FORMULA) or _PLAIN_NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _plain(value: object) -> str:
    if value is None or value is OMITTED:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    return str(value)


def _iso(value: datetime, zone: tzinfo) -> str:
    try:
        return value.astimezone(zone).isoformat()
    except (OverflowError, OSError, ValueError):  # within hours of the first or the last date
        return value.isoformat()
