"""State file of a copy in files: replaced as a whole, and refused if it is invalid."""

from __future__ import annotations

import errno
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attrs import evolve

from roistat_async.errors import SyncError
from roistat_async.sync import NotedRecord, state_file
from roistat_async.sync.state_file import NEW_PROJECT, ProjectState, SeenCall, StateFile
from tests.helpers.part_files import failing

from .target_cases import CALLER, PROJECT, START, URL, state

HOUR = timedelta(hours=1)
BAD = NotedRecord(
    call_id=None, date=None, path=".id", problem="expected", start=START, end=START + HOUR
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.state.json"


def content() -> StateFile:
    values: Any = {"covered_from": START, "watermark": START + HOUR, "walk": "token"}
    seen = {"7": SeenCall(START, b"12345678")}
    project = ProjectState(**values, active={"7": START}, seen=seen, newest=START)
    return state_file.new(URL).with_project(PROJECT, project.with_bad_records([BAD], None))


def test_a_saved_file_is_read(path: Path) -> None:
    """All values come back, dates aware; a missing file or project means a new copy."""
    saved = content()
    assert state_file.read(path) is None
    state_file.save(path, saved)
    assert state_file.read(path) == saved
    assert saved.project(PROJECT).state == evolve(state(1, "token"), newest=START)
    assert saved.project(PROJECT).bad_records == [BAD]
    assert saved.project(PROJECT + 1) == NEW_PROJECT


def test_the_format_is_stable(path: Path) -> None:
    """It is JSON with these names, dates as text and projects by their numbers."""
    state_file.save(path, content())
    values = json.loads(path.read_bytes())
    assert len(values.pop("key")) >= 16
    first, second = "2026-05-01T00:00:00Z", "2026-05-01T01:00:00Z"
    bad = {"call_id": None, "date": None, "path": ".id", "problem": "expected"}
    project = {
        "covered_from": first,
        "watermark": second,
        "walk": "token",
        "active": {"7": first},
        "seen": {"7": [first, "MTIzNDU2Nzg="]},
        "newest": first,
        "bad": [{**bad, "start": first, "end": second}],
    }
    assert values == {"version": 2, "base_url": URL, "size": 0, "projects": {"123": project}}


def test_a_file_of_version_1_is_read(path: Path) -> None:
    """It has no notes; the newest call is one of those that may be read again."""
    values = json.loads(msgspec.json.encode(content()))
    for name in ("newest", "bad"):
        del values["projects"]["123"][name]
    path.write_text(json.dumps({**values, "version": 1}))
    read = state_file.read(path)
    assert read is not None
    assert read.project(PROJECT).state == evolve(state(1, "token"), newest=START)
    assert read.project(PROJECT).bad_records == []


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(msgspec.json.encode(content())) | fields).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b" \n", b"\0" * 200, b"{}", b"[]", b"null", b"not JSON", b"\xff\xfe", b"[" * 100_000,
        changed()[:-20], changed()[:10], changed(version=0), changed(version="1"),
        changed(size=-1), changed(key=""), changed(more=1), changed(projects=[]),
        changed(projects={"x": {}}), changed(projects={"123": {}}),
        changed(projects={"123": {"covered_from": "2026-05-01", "watermark": 1, "walk": 2}}),
        changed().replace(b"00:00Z", b"00:00"), b'{"version": 3, "something": "else"}',
    ],
)  # fmt: skip
def test_an_invalid_file_is_refused(path: Path, data: bytes) -> None:
    """An empty, cut, foreign or newer file, or one with naive dates, is never a new copy."""
    path.write_bytes(data)
    newer = "newer version; upgrade" if b"else" in data else "(backup|new path)"
    with pytest.raises(SyncError, match=rf"calls\.state\.json.*{newer}"):
        state_file.read(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("x", path)])
def test_only_a_regular_file_is_read(path: Path, make: Any) -> None:
    """Reading a pipe would block, and a link may lead anywhere."""
    make(path)
    with pytest.raises(SyncError, match="not a regular file"):
        state_file.read(path)


@pytest.mark.parametrize("operation", ["fsync", "replace", "write"])
def test_a_failed_save_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """No part of the new file is left, and the error says what to do."""
    old = content()
    state_file.save(path, old)
    monkeypatch.setattr(os, operation, failing(errno.ENOSPC))
    with pytest.raises(SyncError, match=r"No space left on device; .*sync again") as raised:
        state_file.save(path, old.with_project(PROJECT, NEW_PROJECT))
    monkeypatch.undo()
    assert str(path) in str(raised.value)
    assert raised.value.temporary
    assert state_file.read(path) == old
    assert os.listdir(path.parent) == [path.name]


def test_the_part_file_of_a_killed_run_is_replaced(path: Path) -> None:
    """A link at its path is not followed."""
    other = path.with_name("other")
    other.write_text("other")
    path.with_name(f".{path.name}.part").symlink_to(other)
    state_file.save(path, content())
    assert sorted(os.listdir(path.parent)) == [path.name, "other"]
    assert other.read_text() == "other"


def test_hashes_have_a_key_per_copy() -> None:
    """Without the key of the copy nobody can find a phone number by hashing all numbers."""
    copy, other = state_file.new(URL), state_file.new(URL)
    number = CALLER.encode()
    assert copy.digest(number) == copy.digest(number)
    assert copy.digest(number) != other.digest(number)


@pytest.mark.parametrize(
    ("keep", "covered_from", "watermark", "walk", "expected"),
    [
        (41, -100, 91, None, [50, 90, 100]),  # counted from the watermark of the last complete run
        (10, -100, None, "token", [90, 100]),  # a walk resumes after the newest call
        (10, 0, 91, None, [-100, 90, 100]),  # a backfill reads older calls again
        (1, 0, None, None, [-100, 0, 50, 90, 100]),  # nothing is complete yet
    ],
)
def test_old_calls_are_pruned(
    keep: int, covered_from: int, watermark: int | None, walk: str | None, expected: list[int]
) -> None:
    """All other calls stay."""
    active = {str(hour): START + hour * HOUR for hour in (-100, 0, 50, 90, 100)}
    seen = {call_id: SeenCall(date, b"") for call_id, date in active.items()}
    values: Any = {
        "covered_from": START + covered_from * HOUR,
        "watermark": None if watermark is None else START + watermark * HOUR,
        "walk": walk,
    }
    project = ProjectState(**values, active=active, seen=seen)
    pruned = project.pruned(keep * HOUR)
    assert pruned.active.keys() <= pruned.seen.keys()
    assert [*pruned.seen] == [str(hour) for hour in expected]
