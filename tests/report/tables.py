"""Reader of the tables of a page."""

from __future__ import annotations

from html.parser import HTMLParser


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._texts: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("caption", "th", "td"):
            self._texts = []

    def handle_data(self, data: str) -> None:
        if self._texts is not None:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._texts or [])
        if tag == "caption":
            self.tables[text] = self._rows
        elif tag in ("th", "td"):
            self._rows[-1].append(text)
        if tag in ("caption", "th", "td"):
            self._texts = None


def read_tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, with its headings, by its caption."""
    parser = _Tables()
    parser.feed(page)
    return parser.tables
