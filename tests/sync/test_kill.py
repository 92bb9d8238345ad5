"""`roistat sync` as a process, killed at any moment, over a server that lives on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Timer

import pytest
from attrs import define, field

from roistat_async.testing import FakeRoistat, Quirks
from tests.sync.live import Copied

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and file locks of POSIX")

_SYNC = (sys.executable, "-m", "roistat_async", "sync")
_PATIENCE = 120.0


@define(kw_only=True)
class Killed(Copied):
    """Be a server, and the copy that one process after the other works on."""

    folder: Path
    random: Random
    kills: int = 0
    runs: int = 0
    asked: list[int] = field(factory=list)
    gone: dict[str, bytes | None] = field(factory=dict)
    """The recordings of calls that were deleted on the server."""

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Begin a run."""
        self.runs += 1
        words = ["--to", str(self.path), "--recordings", str(self.folder), "--since", "2d"]
        environ = {
            **os.environ,
            "ROISTAT_BASE_URL": self.fake.base_url,
            "ROISTAT_API_KEY": self.fake.api_key,
            "ROISTAT_PROJECT": str(self.fake.project),
        }
        return subprocess.Popen(
            [*_SYNC, *words, "--page-size", "10", *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def finish(self, *more: str) -> None:
        """Do a run that nobody disturbs."""
        with self.start(*more) as process:
            _, err = process.communicate(timeout=_PATIENCE)
        assert process.returncode in self.ends, err

    @property
    def ends(self) -> tuple[int, ...]:
        """Give the exit codes of a run that ended well.

        3 is "in part": the recording of a call that was deleted meanwhile is not to be had.
        """
        return (0, 3) if self.gone else (0,)

    def kill_at_a_request(self) -> None:
        """Kill a run at a request, or some milliseconds after it: while its answer is used."""
        last = 1 + 5 * len(self.asked) % 12  # each of them in turn: luck would leave some out
        asked = 0
        with self.start() as process:

            def count(_: object) -> None:
                nonlocal asked
                asked += 1
                if asked == last:
                    Timer(self.random.choice([0, 0.005, 0.02, 0.05]), process.kill).start()

            self.fake.on_request = count
            _, err = process.communicate(timeout=_PATIENCE)
        self._came_to(process.returncode, err, asked)

    def kill_at_start(self) -> None:
        """Kill a run at any time of its first second."""
        before = len(self.fake.requests)
        with self.start() as process:
            time.sleep(self.random.uniform(0, 0.8))
            process.kill()
            _, err = process.communicate(timeout=_PATIENCE)
        self._came_to(process.returncode, err, len(self.fake.requests) - before)

    def _came_to(self, code: int, err: str, asked: int) -> None:
        """Count a kill; a run that was quicker must have ended well."""
        self.fake.on_request = None
        assert code in (*self.ends, -9), err
        self.kills += code == -9
        self.asked.append(asked)

    def live_on(self) -> None:
        """Let calls be added, some of them late; some begin, end, are edited or deleted."""
        state, now = self.fake.state, time.time()
        state.add_call(date=now, answer_duration=self.random.choice([5, 30, 200]))
        state.add_call(date=now - self.random.uniform(0, 3600))
        for row in state.calls[-6:]:
            if row["status"] == "ACTIVE":
                state.edit_call(row["id"], status="ANSWER", answer_duration=20)
        state.add_call(date=now, status="ACTIVE", duration=0, answer_duration=0)
        state.edit_call(self.random.choice(state.calls[-20:])["id"], comment=f"edit {self.runs}")

        if self.random.random() < 0.3:
            self._delete(self.random.choice(state.calls[5:30])["id"])

    def _delete(self, call: str) -> None:
        self.gone[f"{call}.mp3"] = self.fake.state.recordings.get(call)
        self.fake.state.delete_call(call)

    def files(self) -> dict[str, bytes]:
        """Give everything in the folder, by name."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in found}

    def recordings(self) -> dict[str, bytes]:
        """Give what must be there."""
        return {f"{call}.mp3": body for call, body in self.fake.state.recordings.items()}


@pytest.fixture
def killed(tmp_path: Path, calls: int) -> Iterator[Killed]:
    """Run a server of so many calls, about fifty a day, that takes its time."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, latency=0.005)
    with FakeRoistat(calls=calls, quirks=quirks).in_thread() as fake:
        folder = tmp_path / "recordings"
        yield Killed(fake=fake, path=tmp_path / "calls.db", folder=folder, random=Random(7))


@pytest.fixture
def calls() -> int:
    """Let there be few calls: ten requests leave in a second, and most have a recording."""
    return 25


def check_whole(killed: Killed) -> None:
    """Check that the copy is the server's state: rows, files, and what is said about them."""
    assert killed.ask("PRAGMA integrity_check") == [("ok",)]
    assert killed.is_same()
    assert killed.ask("SELECT count(*) - count(DISTINCT id) FROM calls") == [(0,)]
    # A part file that a kill left stays for a day: docs/fault-matrix.md F5.
    files = {name: body for name, body in killed.files().items() if not name.endswith(".part")}
    kept = {name: body for name, body in killed.gone.items() if body and name in files}
    assert files == killed.recordings() | kept
    said = killed.ask("SELECT call_id, size, sha256 FROM recordings WHERE state = 'saved'")
    assert sorted(said) == sorted(
        (name.removesuffix(".mp3"), len(body), sha256(body).hexdigest())
        for name, body in files.items()
    )


@pytest.mark.parametrize("calls", [60])
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
def test_killed_at_any_moment(killed: Killed, kills: int) -> None:
    """Each call once and as the server has it, each file whole (F5, F7)."""
    while killed.kills < kills and killed.runs < 2 * kills:
        if killed.random.random() < 0.2:
            killed.kill_at_start()
        else:
            killed.kill_at_a_request()
        check_readable(killed)
        killed.live_on()
    assert killed.kills >= kills
    assert len(set(killed.asked)) > 7  # spread over the run
    killed.finish()  # ends the walk that was interrupted, sealed when that began
    killed.finish()  # and reads what came too late for it
    killed.finish("--full")  # and marks what was deleted
    check_whole(killed)


def check_readable(killed: Killed) -> None:
    """Check that what a kill left is a database, and that each file with its name is whole."""
    if not killed.path.exists() or not killed.path.stat().st_size:
        return
    assert killed.ask("PRAGMA integrity_check") == [("ok",)]
    recordings = killed.recordings() | killed.gone
    for name, body in killed.files().items():
        assert name.endswith(".part") or body == recordings[name]


def test_an_undisturbed_run(killed: Killed) -> None:
    """The measure of the others; a second run asks for no recording again."""
    killed.finish()
    check_whole(killed)
    killed.fake.requests.clear()
    killed.finish()
    assert not [seen for seen in killed.fake.requests if seen.path.endswith("/file")]
    check_whole(killed)


def test_two_processes_at_once(killed: Killed) -> None:
    """The second says so and changes nothing; the first goes on undisturbed."""
    killed.fake.quirks.latency = 0.05
    with killed.start() as first:
        while not killed.fake.requests:
            time.sleep(0.01)
        with killed.start() as second:
            _, err = second.communicate(timeout=_PATIENCE)
        assert first.poll() is None
        assert second.returncode == 1
        assert "another sync is writing" in err
        assert "Traceback" not in err
        assert first.wait(timeout=_PATIENCE) == 0
    check_whole(killed)


def test_three_processes_started_together(killed: Killed) -> None:
    """Whichever comes first makes the database; no other damages it."""
    processes = [killed.start() for _ in range(3)]
    ended = [process.communicate(timeout=_PATIENCE)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    for code, err in zip(codes, ended, strict=True):
        assert code == 0 or (code == 1 and "another sync is writing" in err), err
    check_whole(killed)


def test_a_reader_disturbs_nobody(killed: Killed) -> None:
    """Somebody who looks at the copy all the time neither waits nor stops the sync."""
    looks = 0
    with killed.start() as process:
        while process.poll() is None:
            with suppress(sqlite3.OperationalError), closing(_reader(killed.path)) as connection:
                connection.execute("SELECT count(*), max(date) FROM calls").fetchone()
                looks += 1
            time.sleep(0.005)
        assert process.returncode == 0
    assert looks > 10
    check_whole(killed)


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
