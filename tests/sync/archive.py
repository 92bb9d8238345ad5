"""Recordings of a copy: a server that has them, and a folder for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import define

from roistat_async import Roistat
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import RecordingsReport, SyncState, sync_recordings
from roistat_async.testing import FakeRoistat, mp3
from tests.sync import target_cases
from tests.sync.databases import Database

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def file_path(call_id: int) -> str:
    return f"2026/05/01/{call_id}.mp3"


@define
class Archive:
    """A fake server, a copy of its calls, a folder, and a clock that is set by hand."""

    fake: FakeRoistat
    roistat: Roistat
    database: Database
    folder: Path
    now: datetime = NOON

    async def add(
        self, *ids: int, recording: bytes | None = None, project: int | None = None
    ) -> None:
        """Add calls to the server and the copy; they are a second apart, in order of the ids."""
        number = project or self.fake.project
        for call_id in ids:
            self.fake.projects[number].add_call(
                id=str(call_id),
                date=NOON - HOUR + call_id * SECOND,
                recording=mp3.recording(str(call_id), 5) if recording is None else recording,
            )
        await self.copy(number)

    async def copy(self, project: int | None = None) -> None:
        """Copy the calls of the server into the database, as far as they are not there."""
        number = project or self.fake.project
        calls = [
            Call(row["id"], datetime.fromisoformat(row["date"]), CallStatus(row["status"]))
            for row in self.fake.projects[number].calls
        ]
        target = self.database.target()
        await target_cases.copy(target, calls, SyncState(), number, self.fake.base_url)

    async def sync(self, **options: Any) -> RecordingsReport:
        options = {"now": lambda: self.now, **options}
        roistat = options.pop("roistat", self.roistat)
        return await sync_recordings(roistat, self.database.location, self.folder, **options)

    def rows(self, columns: str = "call_id, state") -> list[Any]:
        return self.database.query(f"SELECT {columns} FROM recordings ORDER BY project, call_id")

    def files(self) -> list[str]:
        """Return the paths of all files in the folder, part files included."""
        paths = [path for path in self.folder.rglob("*") if not path.is_dir()]
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def body(self, call_id: int) -> bytes:
        return (self.folder / file_path(call_id)).read_bytes()

    def requested(self) -> list[str]:
        """Return the ids whose recordings were requested since the last call."""
        ids = [request.path.split("/")[-2] for request in self.fake.requests]
        self.fake.requests.clear()
        return ids

    def put_file(self, call_id: int, content: bytes) -> Path:
        path = self.folder / file_path(call_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path
