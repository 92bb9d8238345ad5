"""JSON lines: each call is appended once, and again when it changed, whenever a run is killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings

from roistat_async.errors import SyncError
from roistat_async.models.calls import Order, Source, Visit
from roistat_async.sync import NdjsonTarget, StdoutTarget, SyncState, WriteCounts, state_file
from roistat_async.sync.ndjson import encode_line

from .target_cases import (
    HISTORIES,
    PROJECT,
    START,
    URL,
    History,
    Killed,
    call,
    copy,
    disk,
    each_number_of_examples,
    reopen,
    run_history,
    state,
)

CALLS = [call(1, 1), call(2, 2), call(3, 2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.ndjson"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode().splitlines()]


def ids(path: Path) -> list[str]:
    return [row["id"] for row in rows(path)]


def seen(path: Path) -> set[str]:
    content = state_file.read(path.with_name("calls.ndjson.state.json"))
    assert content is not None
    return {*content.project(PROJECT).seen}


def test_a_line_has_the_fields_of_a_call() -> None:
    """They follow the project by name; nested objects are JSON; `extra` has unknown fields only."""
    full = call(1, 1, tags=["a"], visit=Visit(id="5"), order=Order(id="6", revenue=1.5))
    row = json.loads(encode_line(PROJECT, full))
    assert list(row)[:4] == ["project", "id", "date", "status"]
    assert (row["project"], row["id"], row["status"]) == (123, "1", "ANSWER")
    assert datetime.fromisoformat(row["date"]) == full.date
    assert (row["visit"]["id"], row["order"]["revenue"]) == ("5", 1.5)
    assert (row["tags"], row["static_source"]) == (["a"], None)
    assert "extra" not in row
    assert json.loads(encode_line(PROJECT, call(1, extra={"new": 1})))["extra"] == {"new": 1}


def test_text_is_utf_8_and_stays_on_its_line() -> None:
    """Characters that end a line or control a terminal are escaped, nested or not."""
    unsafe = "Заявка\n\u2028\u202e\x9b\x1b\u0085"
    line = encode_line(PROJECT, call(1, comment=unsafe, static_source=Source(display_name=unsafe)))
    text = line.decode()
    assert "Заявка" in text
    assert len(text.splitlines()) == 1
    assert text.removesuffix("\n").isprintable()
    row = json.loads(text)
    assert row["comment"] == row["static_source"]["display_name"] == unsafe


def test_dates_are_in_utc() -> None:
    """The zone of a date is not a change of the call."""
    local = evolve(CALLS[0], date=CALLS[0].date.astimezone(timezone(timedelta(hours=3))))
    assert encode_line(PROJECT, local) == encode_line(PROJECT, CALLS[0])
    assert json.loads(encode_line(PROJECT, local))["date"].endswith("Z")


async def test_only_changes_are_appended(path: Path) -> None:
    """Also a change back, but none in an unchanged run; an empty file, as of `mktemp`, is new."""
    path.touch()
    await copy(NdjsonTarget(path), CALLS, state(24))
    changed = [CALLS[0], evolve(CALLS[1], comment="new"), CALLS[2], call(4, 3)]
    for calls, counts in (
        (changed, WriteCounts(added=1, changed=1)),
        (changed, WriteCounts()),
        (CALLS, WriteCounts(changed=1)),
    ):
        assert await copy(NdjsonTarget(path), calls, state(25)) == counts
    assert ids(path) == ["1", "2", "3", "2", "4", "2"]


async def test_unconfirmed_lines_are_cut_off(path: Path) -> None:
    """A killed run may leave lines that its state does not confirm."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    confirmed = path.read_bytes()
    path.write_bytes(confirmed + encode_line(PROJECT, call(4)) + b'{"project": 12')
    await reopen(NdjsonTarget(path))
    assert path.read_bytes() == confirmed


async def test_a_failed_write_can_be_repeated(path: Path) -> None:
    """Half a batch that a full disk left is cut off first."""
    target = NdjsonTarget(path)
    await target.open(PROJECT, URL)
    with disk(kill_at=2), pytest.raises(Killed):  # step 1 truncates, step 2 writes
        await target.write(PROJECT, CALLS, state(walk="token"))
    assert path.stat().st_size > 0
    await target.write(PROJECT, CALLS, state(walk="token"))
    await target.close()
    assert ids(path) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, 10),
        Path.unlink,
        lambda path: path.write_bytes(b"x" * 10_000),
        lambda path: path.rename(f"{path}.old").with_name(path.name).symlink_to("x"),
    ],
    ids=["shorter", "gone", "replaced", "a link"],
)
async def test_a_changed_file_is_refused(path: Path, damage: Any) -> None:
    """A file that is shorter, gone or replaced is not touched."""
    await copy(NdjsonTarget(path), CALLS, state(24))
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(SyncError, match=r"calls\.ndjson.*(backup|another path|regular file)"):
        await NdjsonTarget(path).open(PROJECT, URL)
    assert (path.read_bytes() if path.is_file() else None) == before


async def test_only_calls_that_may_be_read_again_are_remembered(path: Path) -> None:
    """The state stays small, in a first run over months and after it."""
    target = NdjsonTarget(path, keep=timedelta(hours=10))
    await target.open(PROJECT, URL)
    await target.write(PROJECT, [call(999, 0, "ACTIVE")], state(walk="token"))
    for number in range(100):
        await target.write(PROJECT, [call(number, number)], state(walk="token"))
        assert len(seen(path)) <= 12
    await target.finish(PROJECT, state(300))
    assert await target.active(PROJECT) == []
    await target.close()
    assert seen(path) == {str(number) for number in range(89, 100)}  # a run reads them again


async def test_an_interrupted_backfill_repeats_no_line(path: Path) -> None:
    """Calls before the covered time are remembered until it covers them."""
    target = NdjsonTarget(path)
    covered = SyncState(covered_from=START, watermark=START + timedelta(hours=100))
    older = [call(number, number - 900) for number in range(3)]
    await copy(target, CALLS, covered)
    for _ in range(2):
        await target.open(PROJECT, URL)
        await target.write(PROJECT, older, covered)
        await target.close()
    assert ids(path) == ["1", "2", "3", "0", "1", "2"]


async def test_stdout_has_no_state(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each run writes every call that it reads."""
    for _ in range(2):
        target = StdoutTarget()
        assert await reopen(target) == SyncState()
        assert await target.active(PROJECT) == ()
        assert await copy(target, CALLS, state(2)) == WriteCounts(added=3)
        lines = capsysbinary.readouterr().out.splitlines()
        assert [json.loads(line)["id"] for line in lines] == ["1", "2", "3"]


async def test_stdout_is_flushed_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader does not wait for the end of the run."""
    read_end, write_end = os.pipe()
    with open(write_end, "w") as stdout, open(read_end, "rb") as reader:
        monkeypatch.setattr(sys, "stdout", stdout)
        await StdoutTarget().write(PROJECT, CALLS, state(1))
        assert reader.readline() == encode_line(PROJECT, CALLS[0])


async def test_a_closed_pipe_raises_broken_pipe_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line then ends quietly, as for `| head`."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb", buffering=0) as pipe, io.TextIOWrapper(pipe) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError):
            await StdoutTarget().write(PROJECT, CALLS, state(1))
        monkeypatch.undo()


async def test_c6_no_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing stdout is an error of the copy, with what to do instead."""
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SyncError, match="sync into a file"):
        await StdoutTarget().write(PROJECT, CALLS, state(1))


@each_number_of_examples
def test_the_last_lines_are_the_server(examples: int) -> None:
    """Over many killed runs no call is lost and no line is repeated."""

    @settings(max_examples=examples)
    @given(HISTORIES)
    def check(history: History) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "calls.ndjson"
            served = asyncio.run(run_history(lambda: NdjsonTarget(path), history))
            lines = rows(path)
        assert {line["id"]: line for line in lines} == {
            single.id: json.loads(encode_line(PROJECT, single)) for single in served
        }
        assert len({json.dumps(line) for line in lines}) == len(lines)

    check()
