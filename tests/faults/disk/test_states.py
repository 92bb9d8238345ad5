"""Tests with a damaged state of a copy (F8)."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roistat_async import Roistat, errors
from roistat_async.sync import sync_calls
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import UNLIMITED, client
from tests.lifecycle.operation_context import CLOCK, ids_in

SINCE = datetime.now(UTC) - timedelta(days=30)
COPIES = ["calls.db", "calls.ndjson", "calls.parquet"]


def state_of(target: Path) -> Path:
    """Return the file with the state of a copy."""
    if target.suffix == ".db":
        return target
    beside = target.with_name(target.name + ".state.json")
    return beside if target.suffix == ".ndjson" else target / "project=12345" / "_state.json"


def of_a_newer_version(state: Path) -> None:
    if state.suffix == ".db":
        with closing(sqlite3.connect(state)) as connection:
            connection.execute("PRAGMA user_version = 99")
        return
    state.write_text(json.dumps({**json.loads(state.read_bytes()), "version": 99, "new": {}}))


HARMS: dict[str, Callable[[Path], object]] = {
    "F8 emptied": lambda state: state.write_bytes(b""),
    "F8 halved": lambda state: os.truncate(state, state.stat().st_size // 2),
    "F8 garbled": lambda state: state.write_bytes(b"\x00garbage\xff" * 400),
    "F8 removed": lambda state: state.unlink(),
    "F8 of a newer version": of_a_newer_version,
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", COPIES)
async def test_f8_a_state_that_was_harmed(
    name: str, harm: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """It is refused before any request, with an error that names the file, and nothing changes."""
    target = tmp_path / name
    await sync_calls(roistat, target, since=SINCE)
    HARMS[harm](state_of(target))
    if name == "calls.db" and harm in ("F8 emptied", "F8 removed"):
        # The data went with the state: a copy asks where to begin, and does not start from now.
        with pytest.raises(errors.ConfigurationError, match="since"):
            await sync_calls(roistat, target)
        assert (await sync_calls(roistat, target, since=SINCE)).added >= 60
        return
    requests, before = len(fake.requests), files_of(tmp_path)
    with pytest.raises(errors.SyncError) as caught:
        await sync_calls(roistat, target, since=SINCE)
    assert name in str(caught.value)
    assert (len(fake.requests), files_of(tmp_path)) == (requests, before)


def files_of(folder: Path) -> dict[Path, bytes]:
    """Return all data files; the logs of SQLite change even if somebody only reads."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    logs = ("-wal", "-shm", ".lock")
    return {path: path.read_bytes() for path in paths if not path.name.endswith(logs)}


@pytest.mark.parametrize("name", COPIES)
async def test_f8_another_address(
    name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A copy of one server accepts nothing from another one."""
    await sync_calls(roistat, tmp_path / name, since=SINCE)
    address = fake.base_url.replace("127.0.0.1", "localhost")
    async with client(address, api_key=fake.api_key, clock=CLOCK) as other:
        with pytest.raises(errors.SyncError, match=r"127\.0\.0\.1"):
            await sync_calls(other, tmp_path / name)


@pytest.mark.parametrize("name", COPIES)
async def test_f8_another_project(
    name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """Another project has its own state, and the calls of the first one stay."""
    fake.add_project(777, calls=5)
    await sync_calls(roistat, tmp_path / name, since=SINCE)
    other = roistat.for_project(777, limits=UNLIMITED)
    with pytest.raises(errors.ConfigurationError, match="since"):
        await sync_calls(other, tmp_path / name)
    report = await sync_calls(other, tmp_path / name, since=SINCE)
    assert (report.added, len(ids_in(tmp_path / name))) == (5, 65)
