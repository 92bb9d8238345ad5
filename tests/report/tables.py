"""Reader of the tables of a page."""

from __future__ import annotations

import re
from html import unescape


def read_tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, with its headings, by its caption."""
    tables = {}
    for table in _elements("table", page):
        rows = [_elements("t[hd]", row) for row in _elements("tr", table)]
        (caption,) = _elements("caption", table)
        tables[unescape(caption)] = [[unescape(cell) for cell in row] for row in rows]
    return tables


def _elements(name: str, html: str) -> list[str]:
    return re.findall(rf"<{name}(?: [^>]*)?>(.*?)</{name}>", html, re.DOTALL)
