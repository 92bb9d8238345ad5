"""SpreadsheetML, the XML that Excel 2002 and 2003 read under the name .xls."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element, iterparse

from .cells import Cell

_NAMESPACE = "{urn:schemas-microsoft-com:office:spreadsheet}"
_INDEX = f"{_NAMESPACE}Index"
_MAX_COLUMNS = 16_384
"""Columns of the largest sheet; a larger index would only fill memory."""


def read_sheets(data: bytes) -> Iterator[list[list[Cell]]]:
    """Yield the rows of each sheet. Raises ParseError for damaged XML."""
    rows: list[list[Cell]] = []
    for _, element in iterparse(io.BytesIO(data)):
        name = element.tag.removeprefix(_NAMESPACE)
        if name == "Row":
            rows.append(_row(element))
            element.clear()
        elif name == "Worksheet":
            yield rows
            rows = []
            element.clear()


def _row(row: Element) -> list[Cell]:
    """Return the cells of a row. A cell with an index has empty cells before it."""
    cells: list[Cell] = []
    for element in row.iter(f"{_NAMESPACE}Cell"):
        index = element.get(_INDEX, "")
        if index.isdecimal() and len(cells) < int(index) <= _MAX_COLUMNS:
            cells += [""] * (int(index) - 1 - len(cells))
        cells.append(_cell(element.find(f"{_NAMESPACE}Data")))
        merged = element.get(f"{_NAMESPACE}MergeAcross", "")
        if merged.isdecimal() and int(merged) <= _MAX_COLUMNS:
            cells += [""] * int(merged)
    return cells


def _cell(data: Element | None) -> Cell:
    if data is None:
        return ""
    text = "".join(data.itertext())
    kind = data.get(f"{_NAMESPACE}Type")
    try:
        if kind == "Number":
            return float(text)
        if kind == "DateTime":
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    return text
