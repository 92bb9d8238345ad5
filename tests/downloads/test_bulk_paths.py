"""Tests for the paths of a bulk download: a template in place of `<call id>.mp3`."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roistat_async import Call, Roistat
from roistat_async.errors import ConfigurationError
from roistat_async.testing import FakeRoistat

TEMPLATE = "{project}/{year}-{month}-{day}/{hour}-{call_id}.mp3"
WAV = b"RIFF\x24\x40\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16_000)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
async def calls(roistat: Roistat, recorded: list[str]) -> list[Call]:
    """Return three calls with a recording."""
    return await roistat.calls.list(filters=[("id", "in", recorded[:3])]).collect()


async def _statuses(roistat: Roistat, calls: Any, folder: Path, tz: tzinfo = UTC) -> list[str]:
    outcomes = roistat.calls.download_recordings(
        calls, folder, template=TEMPLATE, accept=["wav"], tz=tz
    )
    return [str(outcome.status) async for outcome in outcomes]


async def test_template_gives_the_paths(
    fake: FakeRoistat, roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """Each file has the path of the template, with the date of its call in the time zone."""
    assert await _statuses(roistat, calls, tmp_path, TOKYO) == ["saved"] * 3
    folder = tmp_path / str(roistat.project)
    for call in calls:
        path = folder / f"{call.date.astimezone(TOKYO):%Y-%m-%d/%H}-{call.id}.mp3"
        assert path.read_bytes() == fake.state.recordings[call.id]


async def test_existing_file_below_a_folder_is_skipped(
    fake: FakeRoistat, roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """A file under the path of its call costs no request, whatever its accepted format."""
    fake.state.recordings[calls[0].id] = WAV
    assert await _statuses(roistat, calls, tmp_path) == ["saved"] * 3
    assert [path.stem[3:] for path in tmp_path.rglob("*.wav")] == [calls[0].id]
    fake.requests.clear()
    assert await _statuses(roistat, calls, tmp_path) == ["skipped"] * 3
    assert fake.requests == []


async def test_stale_parts_below_a_folder_are_removed(
    roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """The part files that killed runs left in the folders of the template are removed."""
    await _statuses(roistat, calls, tmp_path)
    (folder,) = {path.parent for path in tmp_path.rglob(f"*{calls[0].id}.mp3")}
    stale = folder / ".1.mp3.0123456789ab.part"
    stale.write_bytes(b"")
    os.utime(stale, (0, 0))
    await _statuses(roistat, calls, tmp_path)
    assert not stale.exists()


async def test_d141_link_out_of_the_folder_is_refused(
    roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """No file is written through a link that leads out of the folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / str(roistat.project)).symlink_to(tmp_path / "elsewhere")
    assert await _statuses(roistat, calls, tmp_path / "in") == ["failed"] * 3
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_d142_template_needs_calls(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """With a template, an id in a list is refused at once, and one of an iterator fails alone."""
    with pytest.raises(ConfigurationError, match=r"^template needs Calls.* leave template out$"):
        roistat.calls.download_recordings(recorded, tmp_path, template=TEMPLATE)
    outcomes = roistat.calls.download_recordings(iter(recorded[:1]), tmp_path, template=TEMPLATE)
    (outcome,) = [outcome async for outcome in outcomes]
    assert isinstance(outcome.error, ConfigurationError)
    assert (outcome.call_id, fake.requests) == (recorded[0], [])


async def test_invalid_template_is_refused_at_once(roistat: Roistat, tmp_path: Path) -> None:
    """A template that could lead out of the folder is an error before any request."""
    with pytest.raises(ConfigurationError, match=r"^invalid template of recordings"):
        roistat.calls.download_recordings([], tmp_path, template="../{call_id}.mp3")
