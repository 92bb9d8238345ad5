"""`roistat recordings`: files in a folder."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import Roistat


def _recorded(fake: FakeRoistat, count: int) -> list[str]:
    return list(fake.state.recordings)[:count]


def _silent(fake: FakeRoistat) -> str:
    recorded = set(fake.state.recordings)
    return next(call for call in fake.state.calls.ids() if call not in recorded)


def _type(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_of_a_period(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """The recordings of all answered calls of a period are saved whole."""
    ended = roistat("recordings", str(tmp_path), "--last", "30d")
    assert ended.code == 0
    saved = {path.stem: path.read_bytes() for path in tmp_path.glob("*.mp3")}
    assert saved == dict(fake.state.recordings)


def test_second_run_skips(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """A second run skips the files and says so."""
    (call_id,) = _recorded(fake, 1)
    arguments = ("recordings", str(tmp_path), "--call-id", call_id)
    assert roistat(*arguments).rows[0]["status"] == "saved"
    again = roistat(*arguments)
    assert (again.code, again.rows[0]["status"]) == (0, "skipped")
    assert "0 saved (0 B), 1 already there" in again.err


def test_missing_is_no_failure(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """A call without a recording is no failure: the exit code is 0."""
    ended = roistat("recordings", str(tmp_path), "--call-id", _silent(fake))
    assert (ended.code, ended.rows[0]["status"]) == (0, "missing")


def test_some_failed(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """A failed recording exits with 3, is named with its reason, and does not stop the others."""
    good, _ = _recorded(fake, 2)
    ended = roistat("recordings", str(tmp_path), "--call-id", good, "--call-id", "999")
    assert ended.code == 3
    assert {row["call_id"]: row["status"] for row in ended.rows} == {good: "saved", "999": "failed"}
    assert "999: " in ended.err


def test_refused_key_ends_the_download(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key exits with 4 after one refusal, without asking for each recording."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    ids = [word for call in fake.state.calls.ids() for word in ("--call-id", call)]
    ended = roistat("recordings", str(tmp_path), "--concurrency", "2", *ids)
    assert ended.code == 4
    assert len(fake.requests) < 10


def test_ids_on_stdin(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With - the ids are read from stdin: one a line, or the lines of `roistat calls --json`."""
    first, second = _recorded(fake, 2)
    line = roistat("calls", "--filter", f"id = {second}").out
    _type(monkeypatch, f"{first}\n\n{line}")
    ended = roistat("recordings", str(tmp_path), "-")
    assert ended.code == 0
    assert {path.stem for path in tmp_path.glob("*.mp3")} == {first, second}


def test_no_ids_on_stdin(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty stdin means no calls, never all of them."""
    _type(monkeypatch, "")
    ended = roistat("recordings", str(tmp_path), "-")
    assert (ended.code, ended.out, fake.requests) == (0, "", [])


@pytest.mark.parametrize("text", ["../etc\n", '{"id": 5}\n', "{broken\n", "[1]\n", "12 13\n"])
def test_line_without_id(
    text: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line without an id is wrong usage, and nothing is requested."""
    _type(monkeypatch, text)
    ended = roistat("recordings", str(tmp_path), "-")
    assert (ended.code, fake.requests) == (2, [])
    assert "line 1 of stdin" in ended.err


@pytest.mark.parametrize("arguments", [(), ("--call-id", "5", "--last", "7d")])
def test_either_period_or_ids(
    arguments: tuple[str, ...], fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A period and ids together are wrong usage, and so is neither."""
    assert roistat("recordings", str(tmp_path), *arguments).code == 2


def test_no_rows_on_a_terminal(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """On a terminal the summary is on stderr, and stdout has no rows."""
    (call_id,) = _recorded(fake, 1)
    ended = roistat("recordings", str(tmp_path), "--call-id", call_id, "--table")
    assert (ended.code, ended.out) == (0, "")
    assert "1 saved" in ended.err
