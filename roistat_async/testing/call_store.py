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
_MAX_PAGES = 256


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
        self._removed: set[int] = set()
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
        """Return one call, or some, by position in order of date."""
        if isinstance(index, slice):
            return [self._row(serial) for serial in self._serials[index]]
        return self._row(self._serials[index])

    def __iter__(self) -> Iterator[Row]:
        """Walk the calls, oldest first."""
        return (self._row(serial) for serial in list(self._serials))

    def __repr__(self) -> str:
        """Return how many calls there are, and no phone number."""
        return f"<CallBook of {len(self)} calls>"

    def ids(self) -> list[str]:
        """Return every id, oldest call first."""
        return [str(self._value(serial, "id")) for serial in list(self._serials)]

    def get(self, call_id: str | int) -> Row | None:
        """Find a call by id."""
        serial = self._find(str(call_id))
        return None if serial is None else self._row(serial)

    def peek(self, call_id: str) -> Row | None:
        """Find a call by id, for reading only."""
        serial = self._find(call_id)
        if serial is None:
            return None
        return self._own[serial] if serial in self._own else self._sample.row(serial)

    def add(self, row: Row, at: float) -> Row:
        """Insert a call in order of its date."""
        serial, self._next = self._next, self._next + 1
        self._insert(serial, row, int(at))
        self._own[serial] = row
        return row

    def remove(self, call_id: str | int) -> None:
        """Remove a call; raise KeyError for an unknown id."""
        serial = self._find(str(call_id))
        if serial is None:
            raise KeyError(call_id)
        self._unplace(serial)
        self._own.pop(serial, None)
        self._indexed.pop(serial, None)
        self._removed.add(serial)

    def replace(self, rows: Iterable[Row]) -> None:
        """Forget every call and take these."""
        self._own, self._indexed, self._numbers = {}, {}, {}
        self._removed = set(range(self._sample.count))
        self._dates, self._serials = array("q"), array("q")
        self._pages.clear()
        for row in rows:
            self.add(row, read_date(row.get("date")) or 0)

    def is_recorded(self, call_id: str) -> bool:
        """Whether the recording of a call is still there, if it had one."""
        serial = self._find(call_id)
        return serial is None or serial >= self._sample.count or self._sample.recorded(serial)

    def matching(self, criteria: Filter) -> Sequence[int]:
        """Return the indexes, oldest first, of the calls that meet a filter."""
        self._apply_edits()
        low, high, remainder = date_range(criteria, self._dates)
        if not remainder.parts:
            return range(low, high)
        reader = self.value_at
        return [index for index in range(low, high) if remainder.matches(partial(reader, index))]

    def between(self, start: float, end: float) -> range:
        """Return the indexes of the calls with start <= date <= end."""
        self._apply_edits()
        return range(bisect_left(self._dates, start), bisect_right(self._dates, end))

    def date_at(self, index: int) -> int:
        """Return when the call at an index began."""
        return self._dates[index]

    def value_at(self, index: int, name: str) -> Any:
        """Return one field of the call at an index."""
        return self._value(self._serials[index], name)

    def peek_at(self, index: int) -> Row:
        """Return the call at an index for reading only."""
        serial = self._serials[index]
        return self._own[serial] if serial in self._own else self._sample.row(serial)

    def to_json(self, indexes: Sequence[int], extend: frozenset[str]) -> bytes:
        """Write the calls at these indexes as call/list returns them, commas between them."""
        # A benchmark asks for the same large pages again and again; a changed book forgets them.
        if not isinstance(indexes, range) or len(indexes) < _LARGE or self._own:
            return b",".join([self.json_at(index, extend) for index in indexes])
        page = self._pages.get((indexes, extend))
        if page is None:
            page = b",".join([self.json_at(index, extend) for index in indexes])
            if len(self._pages) >= _MAX_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[indexes, extend] = page
        return page

    def json_at(self, index: int, extend: frozenset[str]) -> bytes:
        """Write the call at an index as call/list returns it."""
        serial = self._serials[index]
        row = self._own.get(serial)
        if row is None:
            return self._sample.json(serial, visit="visit" in extend, order="order" in extend)
        hidden = {name: None for name in ("visit", "order") if name in row and name not in extend}
        return to_json(row | hidden)

    def _value(self, serial: int, name: str) -> Any:
        row = self._own.get(serial)
        return self._sample.value(serial, name) if row is None else row.get(name)

    def _row(self, serial: int) -> Row:
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
        return None if number is None or number in self._removed or number in self._own else number

    def _apply_edits(self) -> None:
        # A test may have written a new date or id straight into a row it holds.
        for serial, row in list(self._own.items()):
            known = self._indexed[serial]
            if known[0] != row.get("id", _ABSENT) or known[1] != row.get("date", _ABSENT):
                self._unplace(serial)
                # A date that is none keeps its call where it was.
                new_date = read_date(row.get("date"))
                self._insert(serial, row, known[2] if new_date is None else int(new_date))

    def _note(self, serial: int, row: Row, at: int) -> None:
        self._indexed[serial] = row.get("id", _ABSENT), row.get("date", _ABSENT), at
        self._numbers[str(row.get("id"))] = serial

    def _insert(self, serial: int, row: Row, at: int) -> None:
        index = bisect_right(self._dates, at)
        self._dates.insert(index, at)
        self._serials.insert(index, serial)
        self._note(serial, row, at)
        self._pages.clear()

    def _unplace(self, serial: int) -> None:
        known = self._indexed.get(serial)
        at = self._sample.dates[serial] if known is None else known[2]
        index = bisect_left(self._dates, at)
        while self._serials[index] != serial:
            index += 1
        del self._dates[index], self._serials[index]
        self._pages.clear()
        if known is not None and self._numbers.get(str(known[0])) == serial:
            del self._numbers[str(known[0])]
