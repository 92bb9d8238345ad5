"""`roistat recordings`: files in a folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import Roistat


def _recorded(fake: FakeRoistat, count: int) -> list[str]:
    return list(fake.state.recordings)[:count]


def _silent(fake: FakeRoistat) -> str:
    recorded = set(fake.state.recordings)
    return next(call for call in fake.state.calls.ids() if call not in recorded)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets the text on stdin."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.slow
def test_of_a_period(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """The recordings of all answered calls of a period are saved whole."""
    assert roistat("recordings", str(tmp_path), "--last", "30d").code == 0
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
    stdin: Callable[[str], None], fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """With - the ids are read from stdin: one a line, or the lines of `roistat calls --json`."""
    first, second = _recorded(fake, 2)
    stdin(f"{first}\n\n{roistat('calls', '--filter', f'id = {second}').out}")
    assert roistat("recordings", str(tmp_path), "-").code == 0
    assert {path.stem for path in tmp_path.glob("*.mp3")} == {first, second}


@pytest.mark.parametrize("text", ["", "../etc\n", '{"id": 5}\n', "{broken\n", "[1]\n", "12 13\n"])
def test_no_id_on_stdin(
    text: str, stdin: Callable[[str], None], fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A line without an id is wrong usage; an empty stdin means no calls, never all of them."""
    stdin(text)
    ended = roistat("recordings", str(tmp_path), "-")
    assert (ended.code, ended.out, fake.requests) == (2 if text else 0, "", [])
    assert ("line 1 of stdin" in ended.err) is bool(text)


def test_no_rows_on_a_terminal(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """On a terminal the summary is on stderr, and stdout has no rows."""
    (call_id,) = _recorded(fake, 1)
    ended = roistat("recordings", str(tmp_path), "--call-id", call_id, "--table")
    assert (ended.code, ended.out) == (0, "")
    assert "1 saved" in ended.err


WAV = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(4096)


def test_invalid_id_of_a_line_is_one_failure(
    stdin: Callable[[str], None], fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A call with an id that is none fails alone; its id is neither requested nor a path."""
    (good,) = _recorded(fake, 1)
    stdin(f'{{"id": "../../x"}}\n{good}\n')
    ended = roistat("recordings", str(tmp_path / "mp3"), "-")
    assert (ended.code, len(fake.requests)) == (3, 1)
    assert {row["call_id"]: row["status"] for row in ended.rows} == {
        "../../x": "failed",
        good: "saved",
    }


def test_unreadable_call_may_be_skipped(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """With --on-bad-record skip the others are saved, the command says so and exits with 3."""
    (bad,) = _recorded(fake, 1)
    fake.state.edit_call(bad, date="never")
    arguments = ("recordings", str(tmp_path), "--last", "30d", "--on-bad-record")
    assert roistat(*arguments, "raise").code == 1
    ended = roistat(*arguments, "skip")
    assert (ended.code, "skipped 1 unreadable" in ended.err) == (3, True)
    assert {path.stem for path in tmp_path.iterdir()} == {*fake.state.recordings} - {bad}


def test_accepted_format(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """With --accept a recording of another format is saved under its ending."""
    (call_id,) = _recorded(fake, 1)
    fake.state.recordings[call_id] = WAV
    arguments = ("recordings", str(tmp_path), "--call-id", call_id)
    refused = roistat(*arguments)
    assert (refused.code, "--accept wav" in refused.err) == (3, True)
    assert roistat(*arguments, "--accept", "wav").code == 0
    assert (tmp_path / f"{call_id}.wav").read_bytes() == WAV


@pytest.mark.parametrize("option", [["--from", "calls.db"], []], ids=["recordings", "sync"])
def test_given_up_recordings_of_a_copy(
    option: list[str],
    fake: FakeRoistat,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both commands request those of a copy once, and those given up again if they are told to."""
    monkeypatch.chdir(tmp_path)
    sync = ["sync", "--to", "calls.db", "--since", "30d"]
    again = ["recordings", "mp3", *option] if option else [*sync, "--recordings", "mp3"]
    assert roistat(*sync, "--recordings", "mp3", "--wait-for", "1s").code == 0
    saved = set(fake.state.recordings)
    missing = {row["id"] for row in fake.state.calls if row["status"] == "ANSWER"} - saved
    fake.requests.clear()
    for call_id in missing:
        fake.state.recordings[call_id] = WAV
    assert roistat(*again).code == 0
    assert not [seen for seen in fake.requests if seen.path.endswith("/file")]
    template = ["--template", "all/{call_id}.mp3"] if option else []
    assert roistat(*again, "--retry-given-up", "--accept", "wav", *template).code == 0
    assert not template or {path.parent.name for path in tmp_path.rglob("*.wav")} == {"all"}
    assert {path.stem for path in tmp_path.rglob("*.wav")} == missing != set()


@pytest.mark.slow
@pytest.mark.parametrize("source", [["--from", "calls.db"], ["--last", "30d"]], ids=["copy", "api"])
def test_template_in_a_time_zone(
    source: list[str],
    fake: FakeRoistat,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --template and --tz a file has the date of its call in that time zone in its path."""
    monkeypatch.chdir(tmp_path)
    assert roistat("sync", "--to", "calls.db", "--since", "30d").code == 0
    options = ("--template", "{day}-{hour}/{call_id}.mp3", "--tz", "Asia/Tokyo")
    assert roistat("recordings", "mp3", *source, *options).code == 0
    paths = {path.stem: path.parent.name for path in (tmp_path / "mp3").rglob("*.mp3")}
    rows = {row["id"]: datetime.fromisoformat(row["date"]) for row in fake.state.calls}
    assert paths == {
        call_id: f"{rows[call_id].astimezone(ZoneInfo('Asia/Tokyo')):%d-%H}"
        for call_id in fake.state.recordings
    }


@pytest.mark.parametrize("source", [["--from", "calls.db"], ["--last", "30d"]], ids=["copy", "api"])
def test_filter(
    source: list[str],
    fake: FakeRoistat,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --filter only the recordings of the calls that match are requested."""
    monkeypatch.chdir(tmp_path)
    if "--from" in source:
        assert roistat("sync", "--to", "calls.db", "--since", "30d").code == 0
    durations = {row["id"]: row["duration"] for row in fake.state.calls}
    longest = max(durations[call_id] for call_id in fake.state.recordings)
    condition = f"duration >= {longest}"
    assert roistat("recordings", "mp3", *source, "--filter", condition).code == 0
    assert {path.stem for path in (tmp_path / "mp3").rglob("*.mp3")} == {
        call_id for call_id in fake.state.recordings if durations[call_id] == longest
    }


WRONG = {
    "--filter goes with": ["recordings", "mp3", "--call-id", "7", "--filter", "duration > 5"],
    "--retry-given-up goes with": [
        "recordings",
        "mp3",
        "--last",
        "7d",
        "--retry-given-up",
    ],
    "--template needs the dates": [
        "recordings",
        "mp3",
        "--call-id",
        "7",
        "--template",
        "a/{call_id}",
    ],
    "use either a period": ["recordings", "mp3", "--last", "7d", "--from", "calls.db"],
    "add --period": ["recordings", "mp3"],
    "go with --recordings DIR": ["sync", "--to", "calls.db", "--accept", "wav"],
    "name it calls.xls": ["export", "calls.csv", "--last", "7d"],
    "name it june.xls": ["export", "june.XLSX", "--last", "7d"],
}


@pytest.mark.parametrize("problem", WRONG)
def test_wrong_usage(
    problem: str,
    fake: FakeRoistat,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Options that contradict each other, and an export that is no .xls, exit with 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.db").touch()
    ended = roistat(*WRONG[problem])
    assert (ended.code, fake.requests) == (2, [])
    assert problem in ended.err
