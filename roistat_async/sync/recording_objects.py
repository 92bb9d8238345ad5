"""Recordings in an object store, as RecordingFiles has them in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ..downloads.file_kind import MAX_HEAD_SIZE, AudioFormat, sniff
from ..integrations.objects import ObjectFolder, ObjectPath
from ..models.downloads import Download
from ..resources.calls import Calls
from .recording_files import RecordingFiles


class RecordingObjects(RecordingFiles):
    """Objects of the accepted formats below a place in a store."""

    def __init__(self, folder: ObjectFolder, accept: Iterable[AudioFormat]) -> None:
        super().__init__(Path(), accept)
        self._folder = folder

    def prepare(self) -> None:
        """Do nothing: an object needs no folder."""

    async def resolve(self, relative_path: str) -> Path:
        """Return the key of an object."""
        return Path(relative_path)

    async def save(self, calls: Calls, call_id: str, path: Path) -> Download:
        """Copy a recording into the store."""
        target = ObjectPath(self._folder, path)
        return await calls.download_recording(call_id, to=target, accept=self.accept)

    async def find(self, path: Path) -> Download | None:
        """Return the recording that an earlier run wrote, which a killed one did not note."""
        for key in self.variants(path):
            size = await self._folder.size_of(key)
            if size and (recording := await self._read_object(key)) is not None:
                return recording
        return None

    def read_any(self, path: Path) -> None:
        """Return None: of a cancelled run the next one finds what was written."""

    async def _read_object(self, key: Path) -> Download | None:
        """Return what an object holds; None if it is no recording."""
        head, size, digest = b"", 0, hashlib.sha256()
        async for chunk in self._folder.read(key):
            head = (head + chunk)[:MAX_HEAD_SIZE] if len(head) < MAX_HEAD_SIZE else head
            size += len(chunk)
            digest.update(chunk)
        if sniff(head) not in self._kinds:
            return None
        return Download(key, size, digest.hexdigest(), url=self._folder.url_of(key))
