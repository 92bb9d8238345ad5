"""A recording of the fake Roistat, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from roistat_async import Roistat
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client with three attempts for a body."""
    async with client(fake.base_url, api_key=fake.api_key, attempts=3) as roistat:
        yield roistat


@pytest.fixture
def recorded(fake: FakeRoistat) -> list[str]:
    """Return the ids of calls that have a recording."""
    return list(fake.state.recordings)


@define
class Recording:
    """Recording of the fake server, and the file that it is saved to."""

    fake: FakeRoistat
    roistat: Roistat
    call_id: str
    target: Path

    @property
    def body(self) -> bytes:
        """Bytes of the recording; assign others to change it."""
        return self.fake.state.recordings[self.call_id]

    @body.setter
    def body(self, body: bytes) -> None:
        self.fake.state.recordings[self.call_id] = body

    async def save(self, **options: Any) -> Download:
        """Download the recording."""
        calls = self.roistat.calls
        return await calls.download_recording(self.call_id, to=self.target, **options)


@pytest.fixture
def recording(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> Recording:
    """Return a recording to be saved in an empty folder."""
    return Recording(fake, roistat, recorded[0], tmp_path / "a.mp3")
