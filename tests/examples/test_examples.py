"""The programs in `examples/` run as a user starts them, against a fake Roistat."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from examples import archive_recordings, nightly_sync
from roistat_async.testing import FakeRoistat, Fault


def test_nightly_sync_copies_calls_and_recordings(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """The database holds every call, and the folder one file for each recording."""
    assert nightly_sync.main([str(tmp_path), "--days", "800"]) == 0
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM calls").fetchone()
    files = [path.stem for path in (tmp_path / "recordings").rglob("*.mp3")]
    assert count == len(roistat_env.state.calls)
    assert sorted(files) == sorted(roistat_env.state.recordings)


def test_second_sync_adds_nothing(
    roistat_env: FakeRoistat, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A second run requests no recording that was saved by the first one."""
    assert nightly_sync.main([str(tmp_path), "--days", "800"]) == 0
    caplog.set_level("INFO", logger="nightly_sync")
    assert nightly_sync.main([str(tmp_path)]) == 0
    assert f"project {roistat_env.project}: 0 calls added, complete" in caplog.text
    assert "0 recordings saved" in caplog.text


def test_nightly_sync_copies_all_projects_of_the_key(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each project is copied, with the key from a file; a failing one does not stop the others."""
    roistat_env.add_project(678, calls=5)
    roistat_env.add_project(910, calls=5)
    roistat_env.fail(
        "call/list", Fault.error("access_denied"), 9, lambda request: request.project == 678
    )
    (tmp_path / "key").write_text(roistat_env.api_key + "\n")
    monkeypatch.delenv("ROISTAT_API_KEY")
    monkeypatch.delenv("ROISTAT_PROJECT")
    monkeypatch.setenv("ROISTAT_API_KEY_FILE", str(tmp_path / "key"))
    assert nightly_sync.main([str(tmp_path), "--days", "800"]) == 3
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database:
        rows = database.execute("SELECT project, count(*) FROM calls GROUP BY project").fetchall()
    assert dict(rows) == {roistat_env.project: len(roistat_env.state.calls), 910: 5}


def test_nightly_sync_copies_the_projects_it_is_given(
    roistat_env: FakeRoistat, tmp_path: Path
) -> None:
    """Only the projects on the command line are copied."""
    roistat_env.add_project(678, calls=5)
    assert nightly_sync.main([str(tmp_path), "678", "--days", "800"]) == 0
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database:
        assert database.execute("SELECT DISTINCT project FROM calls").fetchall() == [(678,)]


def test_nightly_sync_reports_a_refused_key(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused key ends the run with exit code 1."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    assert nightly_sync.main([str(tmp_path)]) == 1


def test_archive_has_a_row_for_each_answered_call(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """Every answered call of the period is in the index, and every file in the index is there."""
    index = str(tmp_path / "index.csv")
    assert archive_recordings.main([_whole_history(), str(tmp_path), index]) == 0
    with (tmp_path / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answered = [row["id"] for row in roistat_env.state.calls if row["status"] == "ANSWER"]
    saved = {row["file"] for row in rows if row["status"] == "saved"}
    assert sorted(row["call_id"] for row in rows) == sorted(map(str, answered))
    assert saved == {path.name for path in tmp_path.glob("*.mp3")}
    assert saved


def test_archive_reports_a_failed_recording(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """One failed recording ends in exit code 3; the others are saved."""
    failing = next(iter(roistat_env.state.recordings))
    roistat_env.fail(f"call/{failing}/file", Fault.html())
    index = str(tmp_path / "index.csv")
    assert archive_recordings.main([_whole_history(), str(tmp_path), index]) == 3
    assert len(list(tmp_path.glob("*.mp3"))) == len(roistat_env.state.recordings) - 1


def test_archive_explains_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A call without arguments prints the usage and returns 2."""
    assert archive_recordings.main([]) == 2
    assert "usage:" in capsys.readouterr().err


def _whole_history() -> str:
    now = datetime.now(UTC)
    return f"{now - timedelta(days=800):%Y-%m-%d}..{now:%Y-%m-%d}"
