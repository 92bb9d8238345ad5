"""The call history as a real Excel 97-2003 file."""

from __future__ import annotations

import io
from typing import Any

from .api_errors import FakeApiError
from .api_request import ApiRequest
from .responses import FakeResponse, Row

# The titles and their order are the vendor's page's.
COLUMNS = (
    "Date",
    "Customer Number",
    "Dialed Number",
    "Status",
    "Duration",
    "Call Recording",
    "Transaction Number",
    "Comment",
    "Visit Number",
    "Source",
    "City",
    "Country",
    "Domain",
    "Referrer",
    "Landing Page",
    "UTM_Source",
    "UTM_Medium",
    "UTM_Campaign",
    "UTM_Term",
    "UTM_Content",
    "Openstat",
    "Google Client Id",
)
_UTM = ("source", "medium", "campaign", "term", "content")
# A BIFF sheet holds 65,536 rows; one of them is the titles.
ROWS_PER_WORKSHEET = 65_535


def export(request: ApiRequest) -> FakeResponse:
    """Answer call/xls/export."""
    start, end = request.period_argument()
    book = request.project.calls
    rows = [_cells(book.peek_at(row)) for row in book.between(start, end)]
    return FakeResponse(workbook(rows), content_type=request.quirks.xls_type)


def workbook(rows: list[list[Any]], rows_per_worksheet: int = ROWS_PER_WORKSHEET) -> bytes:
    """Write rows under the titles, on as many sheets as they need."""
    file = _xlwt().Workbook(encoding="utf-8")
    for number, first in enumerate(range(0, max(1, len(rows)), rows_per_worksheet), 1):
        worksheet = file.add_sheet(f"Calls {number}")
        for row, cells in enumerate([list(COLUMNS), *rows[first : first + rows_per_worksheet]]):
            for column, value in enumerate(cells):
                worksheet.write(row, column, value)
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def _xlwt() -> Any:
    try:
        import xlwt  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        text = "the fake needs xlwt for call/xls/export: pip install 'roistat_async[testing]'"
        # As a response, so that the text reaches the test through its client.
        raise FakeApiError("internal_error", text) from error
    return xlwt


def _cells(row: Row) -> list[Any]:
    visit = row.get("visit") or {}
    source = row.get("static_source") or visit.get("source") or {}
    geo = visit.get("geo") or {}
    return [
        *(row.get(name) for name in ("date", "caller", "callee", "status", "duration", "link")),
        *(_text(row.get(name)) for name in ("order_id", "comment", "visit_id")),
        source.get("display_name"),
        geo.get("city"),
        geo.get("country"),
        *(visit.get(name) for name in ("host", "referrer", "landing_page")),
        *(source.get(f"utm_{name}") for name in _UTM),
        source.get("openstat"),
        visit.get("google_client_id"),
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
