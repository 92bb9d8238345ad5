"""`roistat recordings`: files in a folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import WRONG_KEY, Ended, Roistat

WAV = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(4096)


@pytest.fixture
def call_id(fake: FakeRoistat) -> str:
    """Return the id of a call with a recording."""
    return next(iter(fake.state.recordings))


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets the text on stdin."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def _saved(pattern: str = "*.mp3") -> set[str]:
    return {path.stem for path in Path("mp3").rglob(pattern)}


def _statuses(ended: Ended) -> dict[str, str]:
    return {row["call_id"]: row["status"] for row in ended.rows}


def test_outcomes(fake: FakeRoistat, call_id: str, roistat: Roistat) -> None:
    """A second run skips files; a missing recording exits with 0, a failed one with 3 and why."""
    arguments = ("recordings", "mp3", "--call-id", call_id)
    first = roistat(*arguments, "--table")
    assert (first.code, first.out, "1 saved" in first.err) == (0, "", True)
    silent = next(call for call in fake.state.calls.ids() if call not in fake.state.recordings)
    both = (*arguments, "--call-id", silent)
    again = roistat(*both)
    assert (again.code, _statuses(again)) == (0, {call_id: "skipped", silent: "missing"})
    assert "0 saved (0 B), 1 already there" in again.err
    failed = roistat(*both, "--call-id", "999")
    assert (failed.code, "999: " in failed.err) == (3, True)
    assert _statuses(failed) == {call_id: "skipped", silent: "missing", "999": "failed"}


def test_refused_key_ends_the_download(fake: FakeRoistat, roistat: Roistat) -> None:
    """A wrong key, which is not shown, exits with 4 after a refusal, not one for each recording."""
    ids = [word for call in fake.state.calls.ids() for word in ("--call-id", call)]
    ended = roistat("recordings", "mp3", "--concurrency", "2", *ids, **WRONG_KEY)
    assert (ended.code, "f" * 32 in ended.out + ended.err) == (4, False)
    assert "ROISTAT_API_KEY" in ended.err
    assert len(fake.requests) < 10


def test_ids_on_stdin(stdin: Callable[[str], None], fake: FakeRoistat, roistat: Roistat) -> None:
    """With - the ids are read from stdin: one a line, or the lines of `roistat calls --json`.

    A call with an id that is none fails alone; its id is neither requested nor a path.
    """
    first, second, *_ = fake.state.recordings
    lines = roistat("calls", "--filter", f"id = {second}").out
    stdin(f'{first}\n\n{lines}{{"id": "../../x"}}\n')
    fake.requests.clear()
    ended = roistat("recordings", "mp3", "-")
    assert (ended.code, len(fake.requests), _saved()) == (3, 2, {first, second})
    assert _statuses(ended) == {first: "saved", second: "saved", "../../x": "failed"}


@pytest.mark.parametrize("text", ["", "../etc\n", '{"id": 5}\n', "{broken\n", "[1]\n", "12 13\n"])
def test_no_id_on_stdin(
    text: str, stdin: Callable[[str], None], fake: FakeRoistat, roistat: Roistat
) -> None:
    """A line without an id is wrong usage; an empty stdin means no calls, never all of them."""
    stdin(text)
    ended = roistat("recordings", "mp3", "-")
    assert (ended.code, ended.out, fake.requests) == (2 if text else 0, "", [])
    assert ("line 1 of stdin" in ended.err) is bool(text)


def test_unreadable_call_may_be_skipped(fake: FakeRoistat, call_id: str, roistat: Roistat) -> None:
    """With --on-bad-record skip the others are saved, the command says so and exits with 3."""
    fake.state.edit_call(call_id, date="never")
    arguments = ("recordings", "mp3", "--last", "30d", "--on-bad-record")
    refused = roistat(*arguments, "raise")
    assert (refused.code, "--on-bad-record skip" in refused.err) == (1, True)
    ended = roistat(*arguments, "skip")
    assert (ended.code, "skipped 1 unreadable" in ended.err) == (3, True)
    assert _saved() == {*fake.state.recordings} - {call_id}


def test_accepted_format(fake: FakeRoistat, call_id: str, roistat: Roistat) -> None:
    """With --accept a recording of another format is saved under its ending."""
    fake.state.recordings[call_id] = WAV
    arguments = ("recordings", "mp3", "--call-id", call_id)
    refused = roistat(*arguments)
    assert (refused.code, "--accept wav" in refused.err) == (3, True)
    assert roistat(*arguments, "--accept", "wav").code == 0
    assert Path("mp3", f"{call_id}.wav").read_bytes() == WAV


@pytest.mark.parametrize("option", [["--from", "calls.db"], []], ids=["recordings", "sync"])
def test_given_up_recordings_of_a_copy(
    option: list[str], fake: FakeRoistat, roistat: Roistat
) -> None:
    """Both commands request those of a copy once, and those given up again if they are told to."""
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
    assert not template or {path.parent.name for path in Path("mp3").rglob("*.wav")} == {"all"}
    assert _saved("*.wav") == missing != set()


@pytest.fixture(params=["calls.db", None], ids=["copy", "api"])
def source(request: pytest.FixtureRequest, roistat: Roistat) -> tuple[str, str]:
    """Return the option of a copy, which is there then, or of a period."""
    if request.param is None:
        return ("--last", "30d")
    assert roistat("sync", "--to", request.param, "--since", "30d").code == 0
    return ("--from", request.param)


@pytest.mark.slow
def test_template_in_a_time_zone(
    source: tuple[str, str], fake: FakeRoistat, roistat: Roistat
) -> None:
    """All recordings are saved whole; --template has the date of the call in the zone of --tz."""
    options = ("--template", "{day}-{hour}/{call_id}.mp3", "--tz", "Asia/Tokyo")
    assert roistat("recordings", "mp3", *source, *options).code == 0
    files = {path.stem: path for path in Path("mp3").rglob("*.mp3")}
    assert {name: path.read_bytes() for name, path in files.items()} == fake.state.recordings
    rows = {row["id"]: datetime.fromisoformat(row["date"]) for row in fake.state.calls}
    assert {name: path.parent.name for name, path in files.items()} == {
        call_id: f"{rows[call_id].astimezone(ZoneInfo('Asia/Tokyo')):%d-%H}"
        for call_id in fake.state.recordings
    }


def test_filter(source: tuple[str, str], fake: FakeRoistat, roistat: Roistat) -> None:
    """With --filter only the recordings of the calls that match are requested."""
    durations = {row["id"]: row["duration"] for row in fake.state.calls}
    longest = max(durations[call_id] for call_id in fake.state.recordings)
    condition = f"duration >= {longest}"
    assert roistat("recordings", "mp3", *source, "--filter", condition).code == 0
    assert _saved() == {
        call_id for call_id in fake.state.recordings if durations[call_id] == longest
    }
