"""A large part file that a killed run left: gone on with, or removed, never a wrong file."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async import Roistat, errors
from roistat_async.downloads import part_metadata, stale_parts
from roistat_async.downloads.part_metadata import Note
from roistat_async.downloads.resumable_part import KeptPart
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.helpers.clients import PROJECT, client
from tests.helpers.raw_server import (
    RawServer,
    Script,
    Wire,
    answer,
    in_turn,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the boot is told by /proc")

MIB = 1024 * 1024
BODY, OTHER = mp3.recording("7", 900), mp3.recording("9", 900)
HAVE = 2 * MIB
PATH = "project/calltracking/call/7/file"
FILE = "call/*/file"


def name(base_url: str) -> str:
    return part_metadata.name_of(base_url, str(PROJECT), PATH, "a.mp3")


def lay(folder: Path, base_url: str, data: bytes = BODY[:HAVE]) -> Path:
    """Leave what a killed run leaves."""
    part = part_metadata.place(folder / "a.mp3", name(base_url))
    part.write_bytes(data)
    part.chmod(0o600)
    part_metadata.write(part, Note(name(base_url), '"one"', len(BODY)))
    return part


async def ranged(wire: Wire) -> None:
    """Answer with the rest, or with all of it."""
    request = await wire.request()
    is_rest = b'If-Range: "one"' in request
    at = request.partition(b"bytes=")[2].partition(b"-")[0]
    start = int(at) if is_rest else 0
    said = [f"Content-Range: bytes {start}-{len(BODY) - 1}/{len(BODY)}"] if is_rest else []
    status = "206 Partial Content" if is_rest else "200 OK"
    data = answer(BODY[start:], 'ETag: "one"', *said, status=status, kind="audio/mpeg")
    await wire.send(data)


async def changed(wire: Wire) -> None:
    """Answer with all of another version, whatever was asked."""
    await wire.request()
    await wire.send(answer(OTHER, 'ETag: "two"', kind="audio/mpeg"))


async def get(server: RawServer, folder: Path) -> tuple[bytes, bool]:
    """Download; give what came and whether it was gone on with."""
    async with client(server.base_url) as roistat:
        found = await roistat.calls.download_recording(7, to=folder / "a.mp3")
    data = found.path.read_bytes()
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert os.listdir(folder) == ["a.mp3"]
    return data, found.resumed


async def test_what_is_left_is_gone_on_with(tmp_path: Path) -> None:
    """Only the rest is asked for, under If-Range; nothing stays beside the file."""
    async with RawServer(ranged) as server:
        lay(tmp_path, server.base_url)
        assert await get(server, tmp_path) == (BODY, True)
    assert f"Range: bytes={HAVE}-".encode() in server.requests[0]


async def test_a_file_that_changed_since_is_the_new_one(tmp_path: Path) -> None:
    """All of it, though it was the first request."""
    async with RawServer(changed) as server:
        lay(tmp_path, server.base_url)
        assert await get(server, tmp_path) == (OTHER, False)
    assert len(server.requests) == 1


async def test_a_wrong_rest_starts_anew(tmp_path: Path) -> None:
    """Once, though a body has but one attempt here."""

    async def wrong(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(BODY[HAVE:], status="206 Partial Content", kind="audio/mpeg"))

    async with RawServer(in_turn(wrong, changed)) as server:
        lay(tmp_path, server.base_url)
        assert await get(server, tmp_path) == (OTHER, False)


def no_note(part: Path) -> None:
    part.with_name(part.name + ".note").unlink()


def rewritten(place: int, value: object) -> Callable[[Path], None]:
    def change(part: Path) -> None:
        note = part.with_name(part.name + ".note")
        told = json.loads(note.read_bytes())
        told[place] = value
        note.write_text(json.dumps(told))

    return change


def note_is(text: str) -> Callable[[Path], None]:
    def change(part: Path) -> None:
        part.with_name(part.name + ".note").write_text(text)

    return change


def no_bytes(part: Path) -> None:
    part.write_bytes(b"")


def open_to_all(part: Path) -> None:
    part.with_name(part.name + ".note").chmod(0o666)


HARMS = {
    "no note": no_note,
    "of another boot": rewritten(0, "another"),
    "of another file": rewritten(1, "another"),
    "weak": rewritten(2, 'W/"one"'),
    "with a header in it": rewritten(2, '"one"\r\nX: y'),
    "no text": rewritten(2, 7),
    "no number": rewritten(3, True),
    "of a smaller file": rewritten(3, 1000),
    "empty": note_is(""),
    "garbage": note_is("\0garbage"),
    "deep": note_is("[" * 999),
    "a list": note_is("[1]"),
    "written by anybody": open_to_all,
    "without bytes": no_bytes,
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
async def test_what_proves_nothing_is_removed(harm: Callable[[Path], None], tmp_path: Path) -> None:
    """The file is asked for as if nothing had been there."""
    async with RawServer(ranged) as server:
        harm(lay(tmp_path, server.base_url))
        assert await get(server, tmp_path) == (BODY, False)
    assert b"Range" not in server.requests[0]


async def test_what_is_no_own_file_is_left_alone(tmp_path: Path) -> None:
    """A link, or a file with a second name, is not written to."""
    precious = tmp_path / "precious"
    precious.write_bytes(BODY[:HAVE])
    precious.chmod(0o600)
    async with RawServer(ranged) as server:
        part = lay(tmp_path, server.base_url)
        for lead in (part.symlink_to, part.hardlink_to):
            part.unlink()
            lead(precious)
            async with client(server.base_url) as roistat:
                found = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
            assert (found.path.read_bytes(), found.resumed) == (BODY, False)
            assert precious.read_bytes() == BODY[:HAVE]


async def test_the_file_of_another_is_not_gone_on_with(tmp_path: Path) -> None:
    """Of another server, project, call or target: an ETag is only one address's."""
    names = {
        part_metadata.name_of(*words)
        for words in (
            ("u", "1", "p", "a.mp3"),
            ("v", "1", "p", "a.mp3"),
            ("u", "2", "p", "a.mp3"),
            ("u", "1", "q", "a.mp3"),
            ("u", "1", "p", "b.mp3"),
            ("u", "1p", "", "a.mp3"),
        )
    }
    assert len(names) == 6
    async with RawServer(ranged) as server:
        lay(tmp_path, server.base_url + "/other")
        async with client(server.base_url) as roistat:
            found = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert not found.resumed


async def test_a_living_writer_keeps_its_part(tmp_path: Path) -> None:
    """A second download of the same file makes a part of its own; the first one ends well."""
    async with RawServer(ranged) as server:
        with KeptPart(tmp_path / "a.mp3", name(server.base_url)) as part:
            part.note('"one"', len(BODY))
            part.write(OTHER)
            async with client(server.base_url) as roistat:
                found = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
            assert (found.path.read_bytes(), found.resumed) == (BODY, False)
            assert len(os.listdir(tmp_path)) == 3
            assert stale_parts.remove_stale_parts(tmp_path) == 0
            await part.publish()
    assert (tmp_path / "a.mp3").read_bytes() == OTHER
    assert os.listdir(tmp_path) == ["a.mp3"]


async def test_a_note_is_the_owners(tmp_path: Path) -> None:
    """0600, and gone when nothing is published."""
    with KeptPart(tmp_path / "a.mp3", "ab" * 32) as part:
        part.note('"one"', 5)
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
        assert len(os.listdir(tmp_path)) == 2
        part.start_again()
        assert len(os.listdir(tmp_path)) == 1
        part.note('"two"', 5)
    assert os.listdir(tmp_path) == []


def test_a_disk_without_locks_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a writer is dead cannot be told there."""

    def no_locks(*_: object) -> None:
        raise OSError("No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with KeptPart(tmp_path / "a.mp3", "ab" * 32) as part:
        part.note('"one"', 5)
        (only,) = tmp_path.iterdir()
        assert not part_metadata.can_have_one(only)
    assert os.listdir(tmp_path) == []


async def test_a_system_that_tells_no_boot_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash a part may hold zeros."""
    async with RawServer(ranged) as server:
        lay(tmp_path, server.base_url)
        monkeypatch.setattr(part_metadata, "_boot", lambda: None)
        async with client(server.base_url) as roistat:
            found = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert not found.resumed


def test_the_cleaner_keeps_what_is_of_use(tmp_path: Path) -> None:
    """For a day; without its note, or without its part, not at all."""
    part = lay(tmp_path, "u")
    orphan = part_metadata.place(tmp_path / "b.mp3", "ab" * 32)
    part_metadata.write(orphan, Note("ab" * 32, '"one"', 5))
    assert stale_parts.remove_stale_parts(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == 2
    old = time.time() - 25 * 3600
    os.utime(part, (old, old))
    assert stale_parts.remove_stale_parts(tmp_path) == 1
    assert os.listdir(tmp_path) == []
    no_note(lay(tmp_path, "u"))
    assert stale_parts.remove_stale_parts(tmp_path) == 1


async def test_a_cancel_while_it_is_read_again_leaves_nothing(tmp_path: Path) -> None:
    """At every turn of the loop."""
    steps, was_running = 0, True
    while was_running:
        async with RawServer(ranged) as server:
            lay(tmp_path, server.base_url)
            async with client(server.base_url) as roistat:
                target = tmp_path / "a.mp3"
                task = asyncio.create_task(roistat.calls.download_recording(7, to=target))
                for _ in range(steps):
                    await asyncio.sleep(0)
                was_running = not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await server.emptied()
        # Before its first step nothing was taken over.
        assert os.listdir(tmp_path) in ([], ["a.mp3"]) or steps == 0
        for path in tmp_path.iterdir():
            assert path != target or path.read_bytes() == BODY
            path.unlink()
        steps += 1 if steps < 40 else 1 + steps // 3
    assert steps > 10


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.helpers.clients import client

async def main():
    async with client(sys.argv[1], api_key=sys.argv[2]) as roistat:
        await roistat.calls.download_recording(sys.argv[3], to=Path(sys.argv[4]))

asyncio.run(main())
"""


@pytest.mark.parametrize("is_changed", [False, True])
async def test_after_a_kill(
    is_changed: bool, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A process that SIGKILL ended in the middle: the next one fetches the rest, or all anew."""
    fake.quirks.recording_ranges = True
    body = fake.state.recordings[recorded[0]] = BODY
    fake.fail(FILE, Fault.stall(3 * MIB))
    words = [fake.base_url, fake.api_key, recorded[0], str(tmp_path / "a.mp3")]
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, *words)
    async with asyncio.timeout(30):
        while not any(path.stat().st_size >= MIB for path in tmp_path.glob(".*.part")):
            await asyncio.sleep(0.01)
    child.kill()
    await child.wait()
    assert len(os.listdir(tmp_path)) == 2
    if is_changed:
        body = fake.state.recordings[recorded[0]] = OTHER
    assert stale_parts.remove_stale_parts(tmp_path) == 0
    found = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert (found.path.read_bytes(), found.resumed) == (body, not is_changed)
    assert os.listdir(tmp_path) == ["a.mp3"]


async def test_a_server_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """As of any download that failed."""

    async def refuses(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(b'{"status": "error", "error": "access_denied"}'))

    script: Script = refuses
    async with RawServer(script) as server, client(server.base_url) as roistat:
        lay(tmp_path, server.base_url)
        with pytest.raises(errors.AccessDeniedError):
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert os.listdir(tmp_path) == []
