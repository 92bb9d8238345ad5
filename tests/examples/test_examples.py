"""The programs in `examples/` run as a user starts them, against a fake Roistat."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from examples import archive_recordings, nightly_sync, web_service
from roistat_async.testing import FakeRoistat, Fault


@pytest.fixture
def roistat_env(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake Roistat and name it in the environment, where the examples look for it."""
    with FakeRoistat(calls=40).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        yield fake


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
    assert "0 calls added, 0 changed" in caplog.text
    assert "0 recordings saved" in caplog.text


def test_nightly_sync_reports_a_refused_key(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused key ends the run with exit code 1."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    assert nightly_sync.main([str(tmp_path)]) == 1


def test_archive_has_a_row_for_each_answered_call(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """Every answered call of the period is in the index, and every file in the index is there."""
    assert archive_recordings.main([_whole_history(), str(tmp_path)]) == 0
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
    assert archive_recordings.main([_whole_history(), str(tmp_path)]) == 3
    assert len(list(tmp_path.glob("*.mp3"))) == len(roistat_env.state.recordings) - 1


def test_archive_explains_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A call without arguments prints the usage and returns 2."""
    assert archive_recordings.main([]) == 2
    assert "usage:" in capsys.readouterr().err


async def test_web_service_shows_calls_of_today(roistat_env: FakeRoistat) -> None:
    """The page lists a call of today and escapes what the API sent."""
    roistat_env.state.add_call(caller="<b>74950000001</b>")
    async with TestClient(TestServer(web_service.create_app())) as browser:
        response = await browser.get("/")
        page = await response.text()
    assert response.status == 200
    assert "&lt;b&gt;74950000001&lt;/b&gt;" in page


async def test_web_service_streams_a_recording(roistat_env: FakeRoistat) -> None:
    """The browser gets the bytes of the recording with their type and length."""
    call_id, recording = next(iter(roistat_env.state.recordings.items()))
    async with TestClient(TestServer(web_service.create_app())) as browser:
        response = await browser.get(f"/recordings/{call_id}")
        body = await response.read()
    assert response.content_type == "audio/mpeg"
    assert response.content_length == len(recording)
    assert body == recording


async def test_web_service_maps_errors_to_statuses(roistat_env: FakeRoistat) -> None:
    """A missing recording is 404 and an invalid response of Roistat 502."""
    call_id = next(iter(roistat_env.state.recordings))
    del roistat_env.state.recordings[call_id]
    async with TestClient(TestServer(web_service.create_app())) as browser:
        missing = await browser.get(f"/recordings/{call_id}")
        roistat_env.fail("*", Fault.redirect("/elsewhere"))
        invalid = await browser.get("/")
    assert (missing.status, invalid.status) == (404, 502)


def _whole_history() -> str:
    now = datetime.now(UTC)
    return f"{now - timedelta(days=800):%Y-%m-%d}..{now:%Y-%m-%d}"
