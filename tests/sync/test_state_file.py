"""The bookmark of a copy in files: whole or as it was, and never taken for a beginning."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import state_file
from roistat_async.sync.state_file import NEW_PROJECT, SeenCall, StateFile

from .target_cases import (
    PROJECT,
    START,
    URL,
    state,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.state.json"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let every bit of a mode through, as some services do."""
    old = os.umask(0)
    yield
    os.umask(old)


def begun() -> StateFile:
    place = state_file.ProjectState(
        covered_from=START,
        watermark=START + HOUR,
        walk="somewhere",
        active={"7": START},
        seen={"7": SeenCall(START, b"12345678")},
    )
    return state_file.new(URL).with_project(PROJECT, place)


def test_what_is_saved_is_read(path: Path) -> None:
    """All of it, dates aware."""
    saved = begun()
    state_file.save(path, saved)
    assert state_file.read(path, URL) == saved
    assert saved.project(PROJECT).state == state(1, "somewhere")


def test_people_can_read_it(path: Path) -> None:
    """It is JSON with dates as text, the projects by their numbers."""
    state_file.save(path, begun())
    found = json.loads(path.read_bytes())
    assert found["base_url"] == URL
    assert found["projects"]["123"]["watermark"] == "2026-05-01T01:00:00Z"


def test_none_is_no_bookmark(path: Path) -> None:
    """Only a file that is not there means that nothing was copied yet."""
    assert state_file.read(path, URL) is None


def test_a_new_project_is_nowhere() -> None:
    """Projects of one copy have places of their own."""
    assert begun().project(124) == NEW_PROJECT


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_may_read(path: Path) -> None:
    """The file is 0600, whatever the umask."""
    state_file.save(path, begun())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def changed(**fields: Any) -> bytes:
    raw = msgspec.json.encode(begun())
    return json.dumps(json.loads(raw) | fields).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"\0" * 200,
        b"{}",
        b"[]",
        b"null",
        b"not JSON",
        b"\xff\xfe",
        b"[" * 100_000,
        changed()[:-20],
        changed()[:10],
        changed(version=0),
        changed(version="1"),
        changed(size=-1),
        changed(key=""),
        changed(more=1),
        changed(projects=[]),
        changed(projects={"x": {}}),
        changed(projects={"123": {}}),
        changed(projects={"123": {"covered_from": "2026-05-01", "watermark": 1, "walk": 2}}),
        changed().replace(b"00:00Z", b"00:00"),
    ],
)
def test_what_cannot_be_trusted_is_refused(path: Path, data: bytes) -> None:
    """Empty, cut, foreign or with dates without a zone: never a beginning; the file stays."""
    path.write_bytes(data)
    with pytest.raises(SyncError, match=r"calls\.state\.json.*(backup|new path)"):
        state_file.read(path, URL)
    assert path.read_bytes() == data


def test_a_newer_version_is_refused(path: Path) -> None:
    """Also where it looks different otherwise; the error says to upgrade."""
    path.write_text('{"version": 2, "something": "else"}')
    with pytest.raises(SyncError, match="newer version; upgrade"):
        state_file.read(path, URL)


def test_another_server_is_refused(path: Path) -> None:
    """Two servers must not be mixed in one copy."""
    state_file.save(path, begun())
    with pytest.raises(SyncError, match="belongs to a copy of https://cloud"):
        state_file.read(path, "https://other.example/api/v1")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("x", path)])
def test_only_a_regular_file_is_read(path: Path, make: Any) -> None:
    """A pipe would wait for ever, a link may lead anywhere."""
    make(path)
    with pytest.raises(SyncError, match="not a regular file"):
        state_file.read(path, URL)


@pytest.mark.parametrize("fails", ["fsync", "replace", "write"])
def test_the_old_one_stays_until_the_new_one_is_safe(
    path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """When the disk says no there is the old file, no part, and an error that says what to do."""
    old = begun()
    state_file.save(path, old)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(SyncError, match=r"No space left on device; .*sync again") as caught:
        state_file.save(path, old.with_project(PROJECT, NEW_PROJECT))
    monkeypatch.undo()
    assert str(path) in str(caught.value)
    assert state_file.read(path, URL) == old
    assert os.listdir(path.parent) == [path.name]


def test_the_part_of_a_killed_run_is_no_obstacle(path: Path) -> None:
    """The next run takes its place; a link there is not followed."""
    victim = path.with_name("victim")
    victim.write_text("mine")
    path.with_name(f".{path.name}.part").symlink_to(victim)
    state_file.save(path, begun())
    assert sorted(os.listdir(path.parent)) == [path.name, "victim"]
    assert victim.read_text() == "mine"


def test_a_short_write_is_gone_on_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single write may take a part of the data only."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
    state_file.replace_file(path, b"some more bytes")
    assert path.read_bytes() == b"some more bytes"


def test_hashes_are_of_one_bookmark() -> None:
    """Who has the hash of a phone number cannot try all numbers without that bookmark's key."""
    one, other = state_file.new(URL), state_file.new(URL)
    assert one.digest(b"79990001122") == one.digest(b"79990001122")
    assert one.digest(b"79990001122") != other.digest(b"79990001122")


def keeping(hours: float, **fields: Any) -> list[str]:
    seen = {str(hour): SeenCall(START + hour * HOUR, b"") for hour in (-100, 0, 50, 90, 100)}
    place = state_file.ProjectState(
        **{"covered_from": START, "watermark": START + 91 * HOUR, "walk": None, **fields},
        seen=seen,
        active={name: one.date for name, one in seen.items()},
    )
    kept = place.pruned(hours * HOUR)
    assert kept.active.keys() <= kept.seen.keys()
    return list(kept.seen)


def test_what_no_run_reads_again_is_forgotten() -> None:
    """The lookback is counted from the end of the last whole run."""
    assert keeping(41, covered_from=START - 100 * HOUR) == ["50", "90", "100"]


def test_a_walk_goes_on_after_the_newest() -> None:
    """So a first run over years remembers its last days only."""
    place = {"walk": "somewhere", "watermark": None, "covered_from": START - 100 * HOUR}
    assert keeping(10, **place) == ["90", "100"]


def test_what_is_not_covered_yet_is_read_again() -> None:
    """An interrupted reading of the time before begins anew."""
    assert keeping(10) == ["-100", "90", "100"]


def test_nothing_is_forgotten_before_anything_is_sure() -> None:
    """Without a walk to go on with, a run begins at its start."""
    assert len(keeping(1, watermark=None)) == 5
