"""The calls of a project, kept in order of time; made-up ones stay unmade until looked at."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, overload

from .dates import read_date
from .filters import Filter, date_range
from .generated_calls import GeneratedCalls
from .responses import Row, to_json

_ABSENT = object()
_LARGE = 500
_MOST_PAGES = 256


class CallStore(Sequence[Row]):
    """A project's calls, oldest first, as plain dicts.

    A call that was looked at is kept, and what a test changes in it is what the fake answers.
    For very many calls use `ids()`, which keeps nothing.
    """

    def __init__(self, sample: GeneratedCalls) -> None:
        """Start with the made-up calls."""
        self._sample = sample
        self._dates = array("q", sample.dates)
        self._serials = array("q", range(sample.count))
        self._own: dict[int, Row] = {}
        self._indexed: dict[int, tuple[object, object, int]] = {}
        self._numbers: dict[str, int] = {}
        self._gone: set[int] = set()
        self._pages: dict[tuple[range, frozenset[str]], bytes] = {}
        self._next = sample.count

    def __len__(self) -> int:
        """Count the calls."""
        return len(self._serials)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Return one call, or some, by place in time."""
        if isinstance(index, slice):
            return [self._kept(serial) for serial in self._serials[index]]
        return self._kept(self._serials[index])

    def __iter__(self) -> Iterator[Row]:
        """Walk the calls, oldest first."""
        return (self._kept(serial) for serial in list(self._serials))

    def __repr__(self) -> str:
        """Tell how many calls there are, and no phone number."""
        return f"<CallBook of {len(self)} calls>"

    def ids(self) -> list[str]:
        """Return every id, oldest call first."""
        return [str(self._value(serial, "id")) for serial in list(self._serials)]

    def get(self, call_id: str | int) -> Row | None:
        """Find a call by id."""
        serial = self._find(str(call_id))
        return None if serial is None else self._kept(serial)

    def peek(self, call_id: str) -> Row | None:
        """Find a call by id, for reading only."""
        serial = self._find(call_id)
        if serial is None:
            return None
        return self._own[serial] if serial in self._own else self._sample.row(serial)

    def add(self, row: Row, at: float) -> Row:
        """Put a call in its place in time."""
        serial, self._next = self._next, self._next + 1
        self._place(serial, row, int(at))
        self._own[serial] = row
        return row

    def remove(self, call_id: str | int) -> None:
        """Take a call out; an unknown id is a KeyError."""
        serial = self._find(str(call_id))
        if serial is None:
            raise KeyError(call_id)
        self._unplace(serial)
        self._own.pop(serial, None)
        self._indexed.pop(serial, None)
        self._gone.add(serial)

    def replace(self, rows: Iterable[Row]) -> None:
        """Forget every call and take these."""
        self._own, self._indexed, self._numbers = {}, {}, {}
        self._gone = set(range(self._sample.count))
        self._dates, self._serials = array("q"), array("q")
        self._pages.clear()
        for row in rows:
            self.add(row, read_date(row.get("date")) or 0)

    def is_recorded(self, call_id: str) -> bool:
        """Say whether the call's recording survived, if there was one."""
        serial = self._find(call_id)
        return serial is None or serial >= self._sample.count or self._sample.recorded(serial)

    def matching(self, wanted: Filter) -> Sequence[int]:
        """Return the places, oldest first, of the calls that answer a filter."""
        self._apply_edits()
        low, high, rest = date_range(wanted, self._dates)
        if not rest.parts:
            return range(low, high)
        reader = self.value_at
        return [place for place in range(low, high) if rest.matches(partial(reader, place))]

    def between(self, start: float, end: float) -> range:
        """Return the places of the calls with start <= date <= end."""
        self._apply_edits()
        return range(bisect_left(self._dates, start), bisect_right(self._dates, end))

    def date_at(self, place: int) -> int:
        """Return when the call at a place began."""
        return self._dates[place]

    def value_at(self, place: int, name: str) -> Any:
        """Return one field of the call at a place."""
        return self._value(self._serials[place], name)

    def peek_at(self, place: int) -> Row:
        """Return the call at a place for reading only."""
        serial = self._serials[place]
        return self._own[serial] if serial in self._own else self._sample.row(serial)

    def to_json(self, places: Sequence[int], extend: frozenset[str]) -> bytes:
        """Write the calls at these places as call/list answers them, commas between them."""
        # A benchmark asks for the same large pages again and again; a changed book forgets them.
        if not isinstance(places, range) or len(places) < _LARGE or self._own:
            return b",".join([self.json_at(place, extend) for place in places])
        page = self._pages.get((places, extend))
        if page is None:
            page = b",".join([self.json_at(place, extend) for place in places])
            if len(self._pages) >= _MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[places, extend] = page
        return page

    def json_at(self, place: int, extend: frozenset[str]) -> bytes:
        """Write the call at a place as call/list answers it."""
        serial = self._serials[place]
        row = self._own.get(serial)
        if row is None:
            return self._sample.json(serial, visit="visit" in extend, order="order" in extend)
        hidden = {name: None for name in ("visit", "order") if name in row and name not in extend}
        return to_json(row | hidden)

    def _value(self, serial: int, name: str) -> Any:
        row = self._own.get(serial)
        return self._sample.value(serial, name) if row is None else row.get(name)

    def _kept(self, serial: int) -> Row:
        if serial not in self._own:
            row = self._sample.row(serial)
            # Noted first: a server in another thread looks up the note of every row it sees.
            self._note(serial, row, self._sample.dates[serial])
            self._own[serial] = row
        return self._own[serial]

    def _find(self, call_id: str) -> int | None:
        serial = self._lookup(call_id)
        if serial is not None and self._value(serial, "id") == call_id:
            return serial
        self._apply_edits()
        return self._lookup(call_id)

    def _lookup(self, call_id: str) -> int | None:
        if call_id in self._numbers:
            return self._numbers[call_id]
        number = self._sample.number_of(call_id)
        return None if number is None or number in self._gone or number in self._own else number

    def _apply_edits(self) -> None:
        # A test may have written a new date or id straight into a row it holds.
        for serial, row in list(self._own.items()):
            known = self._indexed[serial]
            if known[0] != row.get("id", _ABSENT) or known[1] != row.get("date", _ABSENT):
                self._unplace(serial)
                # A date that is none keeps its call where it was.
                moved = read_date(row.get("date"))
                self._place(serial, row, known[2] if moved is None else int(moved))

    def _note(self, serial: int, row: Row, at: int) -> None:
        self._indexed[serial] = row.get("id", _ABSENT), row.get("date", _ABSENT), at
        self._numbers[str(row.get("id"))] = serial

    def _place(self, serial: int, row: Row, at: int) -> None:
        place = bisect_right(self._dates, at)
        self._dates.insert(place, at)
        self._serials.insert(place, serial)
        self._note(serial, row, at)
        self._pages.clear()

    def _unplace(self, serial: int) -> None:
        known = self._indexed.get(serial)
        at = self._sample.dates[serial] if known is None else known[2]
        place = bisect_left(self._dates, at)
        while self._serials[place] != serial:
            place += 1
        del self._dates[place], self._serials[place]
        self._pages.clear()
        if known is not None and self._numbers.get(str(known[0])) == serial:
            del self._numbers[str(known[0])]
