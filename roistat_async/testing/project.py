"""One project: its calls, phones, scripts and recordings, to be read and set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from datetime import datetime
from random import Random
from threading import RLock
from typing import Any

from . import mp3, sample_data
from .call_store import CallStore
from .clocks import Clock
from .dates import DAY, timestamp_of, write_date
from .generated_calls import FIRST_ID, GeneratedCalls
from .quirks import Quirks
from .rate_limit import RateWindow
from .responses import Row


class Recordings(MutableMapping[str, bytes]):
    """Recordings by call id, made when they are read; what is set here is what is answered."""

    def __init__(self, calls: CallStore) -> None:
        """Belong to these calls."""
        self._calls = calls
        self._own: dict[str, bytes] = {}

    def __getitem__(self, call_id: str) -> bytes:
        """Return the whole file; KeyError when the call has none."""
        body = self._own.get(call_id)
        body = self._made(call_id) if body is None else body
        if not body:
            raise KeyError(call_id)
        return body

    def __setitem__(self, call_id: str, body: bytes) -> None:
        """Set the recording of a call; empty bytes mean none."""
        self._own[call_id] = body

    def __delitem__(self, call_id: str) -> None:
        """Leave a call without a recording."""
        self._own[call_id] = b""

    def __iter__(self) -> Iterator[str]:
        """Walk the ids of the calls that have one."""
        return (call_id for call_id in self._calls.ids() if call_id in self)

    def __len__(self) -> int:
        """Count the recordings."""
        return sum(1 for _ in self)

    def _made(self, call_id: str) -> bytes:
        row = self._calls.peek(call_id)
        if row is None or row.get("status") != "ANSWER" or not self._calls.is_recorded(call_id):
            return b""
        seconds = row.get("answer_duration")
        return mp3.recording(call_id, seconds) if isinstance(seconds, int) and seconds > 0 else b""


class FakeProject:
    """The state behind one project number."""

    def __init__(
        self,
        number: int,
        calls: int,
        seed: int,
        quirks: Quirks,
        clock: Clock,
        *,
        business_hours: bool = False,
    ) -> None:
        """Make up the calls, phones and scripts of a project."""
        self.number = number
        self.name: str = f"Проект {number}"
        self.quirks = quirks
        self.clock = clock
        self.lock: AbstractContextManager[bool] = RLock()
        self.random: Random = Random(seed)
        self.windows: RateWindow = RateWindow()
        self.created: str = write_date(clock() - 800 * DAY)
        self._calls = CallStore(GeneratedCalls(calls, seed, number, clock(), business_hours))
        self.recordings: Recordings = Recordings(self._calls)
        self.scripts: list[Row] = self._scripts()
        self.deleted_scripts: list[Row] = []
        self.phones: list[Row] = [
            sample_data.phone(phone_id, digits, script_id, self.created)
            for phone_id, (digits, script_id) in enumerate(sample_data.PHONES, 1)
        ]
        self._last_id = FIRST_ID + calls - 1

    def __repr__(self) -> str:
        """Name the project."""
        return f"<FakeProject {self.number}: {self._calls!r}>"

    @property
    def calls(self) -> CallStore:
        """The calls, oldest first; assign a list of dicts to replace them all."""
        return self._calls

    @calls.setter
    def calls(self, rows: Iterable[Row]) -> None:
        with self.lock:
            self._calls.replace(list(rows))

    def add_call(
        self,
        *,
        date: str | float | datetime | None = None,
        recording: bytes | None = None,
        **fields: Any,
    ) -> Row:
        """Add a call; a date in the past is a late one. Fields left out get everyday values."""
        with self.lock:
            at = self.clock() if date is None else timestamp_of(date)
            row = self._call(at) | fields
            if recording is not None:
                self.recordings[str(row["id"])] = recording
            self._count(row, at)
            return self._calls.add(row, at)

    def edit_call(self, call_id: str | int, **fields: Any) -> Row:
        """Change fields of a call; an unknown id is a KeyError."""
        with self.lock:
            row = self._calls.get(call_id)
            if row is None:
                raise KeyError(call_id)
            if "date" in fields and isinstance(fields["date"], int | float | datetime):
                fields["date"] = write_date(timestamp_of(fields["date"]))
            row.update(fields)
            return row

    def call_row(self, call: object) -> Row:
        """Return the call that an id, a dict or a `Call` means; an unknown id is a KeyError."""
        call_id = call["id"] if isinstance(call, Mapping) else getattr(call, "id", call)
        row = self._calls.peek(str(call_id))
        if row is None:
            raise KeyError(call_id)
        return row

    def delete_call(self, call_id: str | int) -> None:
        """Remove a call; an unknown id is a KeyError."""
        with self.lock:
            self._calls.remove(call_id)

    def next_id(self, rows: Iterable[Row]) -> int:
        """Return an id after all of these rows' ids."""
        return max((row["id"] for row in rows), default=0) + 1

    def now(self) -> str:
        """Return the time as Roistat writes it."""
        return write_date(self.clock())

    def _call(self, at: float) -> Row:
        self._last_id += 1
        return {
            "id": str(self._last_id),
            "callee": sample_data.PHONES[0][0],
            "caller": f"7900000{self._last_id % 10_000:04}",
            "duration": 40,
            "waiting_time": 10,
            "answer_duration": 30,
            "status": "ANSWER",
            "date": write_date(at),
            "link": "",
            "visit_id": None,
            "order_id": None,
            "static_source": None,
            "comment": None,
            "script_name": sample_data.SCRIPT_NAMES[0],
            "tags": None,
            "visit": None,
            "order": None,
        }

    def _count(self, row: Row, at: float) -> None:
        for phone in self.phones:
            if phone["phone"] == row["callee"]:
                phone["call_count"] += 1
                phone["last_use_date"] = write_date(at)

    def _scripts(self) -> list[Row]:
        kinds = ((1, False, 1), (2, True, 1), (3, False, 0))
        return [
            sample_data.script(number, static=static, enabled=enabled, created=self.created)
            for number, static, enabled in kinds
        ]
