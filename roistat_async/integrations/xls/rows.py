"""Rows of the exported call history, and the headings of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from attrs import field, fields, frozen

from ...models.calls import CallStatus
from ...models.masking import mask, mask_phone
from .cells import Cell, to_date, to_seconds, to_text

Rows = Iterable[Sequence[Cell]]
"""The rows of one sheet."""

_SEARCHED_ROWS = 20
"""Rows at the top of a sheet in which the headings may be."""
_REQUIRED_HEADINGS = 3


@frozen(kw_only=True)
class CallHistoryRow:
    """Row of the exported call history.

    An empty cell is None. A value that its field cannot hold is in `extra` under the name of the
    field, which is None then. The cells of unknown columns are in `extra` under their headings.
    """

    date: datetime | None = None
    caller: str | None = field(default=None, repr=mask_phone)
    callee: str | None = field(default=None, repr=mask_phone)
    status: CallStatus | None = None
    duration: int | None = None
    link: str | None = field(default=None, repr=mask)
    order_id: str | None = None
    comment: str | None = field(default=None, repr=mask)
    visit_id: str | None = None
    source: str | None = None
    city: str | None = None
    country: str | None = None
    domain: str | None = None
    referrer: str | None = None
    landing_page: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    openstat: str | None = None
    google_client_id: str | None = field(default=None, repr=mask)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


# The English headings are the vendor's. The Russian ones are assumed, since no real file is public
# (docs/roistat-api-notes.md §5): hence several for each column.
_HEADINGS: dict[str, tuple[str, ...]] = {
    "date": ("Date", "Дата", "Дата звонка", "Дата и время"),
    "caller": ("Customer Number", "Номер клиента", "Номер звонившего", "Телефон клиента"),
    "callee": ("Dialed Number", "Набранный номер", "Номер набранный", "Куда звонили"),
    "status": ("Status", "Статус", "Статус звонка"),
    "duration": (
        "Duration", "Длительность", "Продолжительность", "Длительность звонка",
        "Длительность, сек", "Продолжительность звонка",
    ),
    "link": ("Call Recording", "Запись звонка", "Запись разговора", "Запись", "Ссылка на запись"),
    "order_id": ("Transaction Number", "Номер сделки", "Сделка", "Номер заказа", "ID сделки"),
    "comment": ("Comment", "Комментарий", "Комментарии"),
    "visit_id": ("Visit Number", "Номер визита", "Визит", "ID визита"),
    "source": ("Source", "Источник", "Канал"),
    "city": ("City", "Город"),
    "country": ("Country", "Страна"),
    "domain": ("Domain", "Домен", "Сайт"),
    "referrer": ("Referrer", "Реферер", "Реферрер", "Источник перехода"),
    "landing_page": (
        "Landing Page", "Страница входа", "Посадочная страница", "Страница захвата",
        "Целевая страница",
    ),
    "utm_source": ("UTM_Source",),
    "utm_medium": ("UTM_Medium",),
    "utm_campaign": ("UTM_Campaign",),
    "utm_term": ("UTM_Term",),
    "utm_content": ("UTM_Content",),
    "openstat": ("Openstat",),
    "google_client_id": ("Google Client Id",),
}  # fmt: skip


def _normalized(heading: Cell) -> str:
    """Return the letters and digits of a heading, so that case and spaces do not matter."""
    text = str(heading).casefold().replace("ё", "е")
    return "".join(filter(str.isalnum, text))


_FIELDS = {
    _normalized(heading): name
    for name, headings in _HEADINGS.items()
    for heading in (*headings, name)
}
_CONVERTERS: dict[str, Callable[[Cell], object]] = dict.fromkeys(_HEADINGS, to_text) | {
    "status": lambda cell: CallStatus(to_text(cell)),
    "duration": to_seconds,
}


class Columns:
    """Columns of a sheet by its headings: fields of a row, and names for `extra`."""

    def __init__(self, headings: Sequence[Cell]) -> None:
        self._fields: dict[int, str] = {}
        self._others: dict[int, str] = {}
        for index, heading in enumerate(headings):
            name = _FIELDS.get(_normalized(heading))
            if name is None or name in self._fields.values():
                self._others[index] = self._unused_name(str(heading).strip(), index)
            else:
                self._fields[index] = name

    @property
    def are_headings(self) -> bool:
        """Whether the cells were headings of the call history at all."""
        return "date" in self._fields.values() and len(self._fields) >= _REQUIRED_HEADINGS

    def parse(self, cells: Sequence[Cell], tz: tzinfo) -> CallHistoryRow:
        """Parse a row; no value costs more than its own field."""
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        converters = _CONVERTERS | {"date": partial(to_date, tz=tz)}
        for index, cell in enumerate(cells):
            if cell == "":
                continue
            name = self._fields.get(index)
            if name is None:
                extra[self._others.get(index, f"column {index + 1}")] = cell
                continue
            try:
                values[name] = converters[name](cell)
            except (ValueError, OverflowError):
                extra[name] = cell
        return CallHistoryRow(**values, extra=extra)

    def _unused_name(self, heading: str, index: int) -> str:
        """Return the key of a column in `extra`: two columns may have the same heading, or none."""
        known = {*self._others.values(), *(attribute.name for attribute in fields(CallHistoryRow))}
        name = heading or f"column {index + 1}"
        return f"{name} ({index + 1})" if name in known else name


def parse_sheet(
    rows: Rows, tz: tzinfo, columns: Columns | None
) -> tuple[Columns | None, list[CallHistoryRow]]:
    """Return the columns and the calls of a sheet.

    A sheet without headings continues the sheet before it, whose `columns` are given. Without
    those, its columns are None.
    """
    rows = iter(rows)
    top: list[Sequence[Cell]] = []
    for cells in rows:
        headings = Columns(cells)
        if headings.are_headings:
            return headings, list(_parse_rows(rows, tz, headings))
        top.append(cells)
        if len(top) == _SEARCHED_ROWS:
            break
    if columns is None:
        return None, []
    return columns, [*_parse_rows(top, tz, columns), *_parse_rows(rows, tz, columns)]


def _parse_rows(rows: Rows, tz: tzinfo, columns: Columns) -> Iterator[CallHistoryRow]:
    return (columns.parse(cells, tz) for cells in rows if any(cell != "" for cell in cells))
