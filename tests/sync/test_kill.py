"""`roistat sync` as a process that is killed at any time, while the server changes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Event, Timer

import pytest
from attrs import define, field

from roistat_async.errors import SyncError
from roistat_async.sync import process_lock
from tests.helpers import forked
from tests.helpers.forked import ForkedCommand
from tests.sync.databases import KINDS, Database, connected
from tests.sync.live import Copied, server

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and file locks of POSIX"),
    pytest.mark.usefixtures("untraced_processes"),
]

_TIMEOUT = 120.0


@define(kw_only=True)
class KilledSync(Copied):
    """A server and a copy, on which one process after the other works."""

    folder: Path
    random: Random
    runs: int = 0
    killed_at: list[int] = field(factory=list)
    """Request at which each run was killed, 0 for one that was killed at its start."""
    deleted: dict[str, bytes | None] = field(factory=dict)
    """Recordings of calls that were deleted on the server, by file name."""

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "ROISTAT_BASE_URL": self.fake.base_url,
            "ROISTAT_API_KEY": self.fake.api_key,
            "ROISTAT_PROJECT": str(self.fake.project),
            "ROISTAT_PER_SECOND": "1000",
        }

    def arguments(self) -> list[str]:
        recordings = ["--recordings", str(self.folder)]
        return ["sync", "--to", str(self.path), *recordings, "--since", "2d", "--page-size", "10"]

    def start(self, *options: str) -> AbstractContextManager[ForkedCommand]:
        self.runs += 1
        stderr = self.folder.with_name(f"stderr-{self.runs}")
        arguments = [*self.arguments(), *options]
        return forked.start(*arguments, environment=self.environment, stderr=stderr)

    def finish(self, *options: str) -> None:
        with self.start(*options) as process:
            code, err = process.wait()
        assert code in self.success_codes, err

    def check_refused(self) -> None:
        """Check that a run is refused while another one writes."""
        with self.start() as process:
            code, err = process.wait()
        assert (code, "Traceback" in err) == (1, False)
        assert "another sync is writing" in err

    @property
    def success_codes(self) -> tuple[int, ...]:
        """Exit codes of a complete run; 3 if recordings of calls deleted meanwhile failed."""
        return (0, 3) if self.deleted else (0,)

    def kill_at_a_request(self) -> None:
        """Kill a run at a request, or milliseconds later while its response is processed."""
        last = 1 + 5 * self.runs % 12  # each request in turn; a random choice would miss some
        requests = 0
        with self.start() as process:

            def count(_: object) -> None:
                nonlocal requests
                requests += 1
                if requests == last:
                    Timer(self.random.choice([0, 0.005, 0.02, 0.05]), process.kill).start()

            self.fake.on_request = count
            self._check_end(process, last)

    def kill_at_start(self) -> None:
        """Kill a run while it begins: no event precedes its first request."""
        with self.start() as process:
            Timer(self.random.uniform(0, 0.3), process.kill).start()
            self._check_end(process, 0)

    def _check_end(self, process: ForkedCommand, request: int) -> None:
        """Note a kill; a run that was faster must have succeeded."""
        code, err = process.wait()
        self.fake.on_request = None
        assert code in (*self.success_codes, -9), err
        if code == -9:
            self.killed_at.append(request)

    def change_server(self) -> None:
        """Add calls, some of them late; let calls begin and end, edit and delete some."""
        state, now = self.fake.state, time.time()
        state.add_call(date=now, answer_duration=self.random.choice([5, 30, 200]))
        state.add_call(date=now - self.random.uniform(0, 3600))
        for row in state.calls[-6:]:
            if row["status"] == "ACTIVE":
                state.edit_call(row["id"], status="ANSWER", answer_duration=20)
        state.add_call(date=now, status="ACTIVE", duration=0, answer_duration=0)
        state.edit_call(self.random.choice(state.calls[-20:])["id"], comment=f"edit {self.runs}")

        if self.random.random() < 0.3:
            call = self.random.choice(state.calls[5:30])["id"]
            self.deleted[f"{call}.mp3"] = state.recordings.get(call)
            state.delete_call(call)

    def files(self) -> dict[str, bytes]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in paths}

    def recordings(self) -> dict[str, bytes]:
        return {f"{call}.mp3": body for call, body in self.fake.state.recordings.items()}


@pytest.fixture
def killed(database: Database, tmp_path: Path, calls: int) -> Iterator[KilledSync]:
    """Run a slow server of this many calls, about fifty a day."""
    with server(calls, latency=0.005).in_thread() as fake:
        folder = tmp_path / "recordings"
        yield KilledSync(fake=fake, path=database.location, folder=folder, random=Random(7))


@pytest.fixture
def calls() -> int:
    """Return a small number: ten requests are sent per second, and most calls have a recording."""
    return 25


def check_complete(killed: KilledSync) -> None:
    """Check that the copy equals the server: calls, files and the rows about them."""
    check_readable(killed)
    assert killed.is_same()
    assert killed.ask("SELECT count(*) - count(DISTINCT id) FROM calls") == [(0,)]
    # A part file that a kill left stays for a day: docs/fault-matrix.md F5.
    files = {name: body for name, body in killed.files().items() if not name.endswith(".part")}
    deleted = {name: body for name, body in killed.deleted.items() if body and name in files}
    assert files == killed.recordings() | deleted
    rows = killed.ask("SELECT call_id, size, sha256 FROM recordings WHERE state = 'saved'")
    assert sorted(rows) == sorted(
        (name.removesuffix(".mp3"), len(body), sha256(body).hexdigest())
        for name, body in files.items()
    )


@pytest.mark.parametrize("calls", [60])
@pytest.mark.parametrize(
    ("database", "kills"),
    [
        ("sqlite", 12),
        ("postgres", 10),
        *(pytest.param(kind, 200, marks=pytest.mark.long) for kind in KINDS),
    ],
    indirect=["database"],
)
@pytest.mark.timeout(900)
def test_killed_at_any_time(killed: KilledSync, kills: int) -> None:
    """Each call is there once, each file is complete (docs/fault-matrix.md F5, F7)."""
    while len(killed.killed_at) < kills and killed.runs < 2 * kills:
        if killed.runs % 5 == 1:
            killed.kill_at_start()
        else:
            killed.kill_at_a_request()
        check_readable(killed)
        killed.change_server()
    assert len(killed.killed_at) == kills
    assert len(set(killed.killed_at)) > 7  # spread over the run
    killed.finish()  # completes the interrupted walk, which was sealed when it began
    killed.finish()  # reads calls that were too late for it
    killed.finish("--full")  # marks deleted calls
    check_complete(killed)


_CREATE_WAIT = """
CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'
"""
_WAIT_IN_COMMIT = """
CREATE CONSTRAINT TRIGGER wait_in_commit AFTER INSERT OR UPDATE ON calls
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test()
"""
_ADVISORY_LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND CAST(granted AS TEXT) = :granted
"""


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.slow
def test_s139_killed_while_the_server_commits(killed: KilledSync) -> None:
    """No other run reads the state before the transaction of the killed run has ended."""
    killed.finish()
    killed.ask(_CREATE_WAIT)
    killed.ask(_WAIT_IN_COMMIT)
    killed.change_server()
    before = killed.copied()
    with connected(killed.path) as other:
        other.execute("SELECT pg_advisory_lock(1)")
        with killed.start() as process:
            _wait_until(lambda: killed.ask(_ADVISORY_LOCKS, granted="false") == [(1,)])
            process.kill()
        killed.check_refused()
        assert killed.copied() == before
        other.execute("SELECT pg_advisory_unlock(1)")
        _wait_until(lambda: killed.ask(_ADVISORY_LOCKS, granted="true") == [(0,)])
    assert killed.copied() != before  # the server has committed for the killed run
    killed.finish()
    killed.finish()
    check_complete(killed)


def _wait_until(is_true: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + _TIMEOUT
    while not is_true():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def check_readable(killed: KilledSync) -> None:
    """Check that the database is readable and each file with a final name is complete."""
    path = Path(killed.path)  # a server checks that itself
    if not killed.database.is_postgres and path.exists() and path.stat().st_size:
        assert killed.ask("PRAGMA integrity_check") == [("ok",)]
    recordings = killed.recordings() | killed.deleted
    for name, body in killed.files().items():
        assert name.endswith(".part") or body == recordings[name]


def test_two_processes_at_once(killed: KilledSync) -> None:
    """The second is refused, and the first is not disturbed."""
    requested, refused = Event(), Event()

    def hold(_: object) -> None:
        requested.set()
        refused.wait(_TIMEOUT)  # the first run gets no response before that

    killed.fake.on_request = hold
    with killed.start() as first:
        try:
            assert requested.wait(_TIMEOUT)
            killed.check_refused()
            assert first.is_running()
        finally:
            refused.set()
        assert first.wait()[0] == 0
    check_complete(killed)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a51_ctrl_c_while_the_database_is_locked(killed: KilledSync) -> None:
    """The command ends at once and cleanly, although another program holds the lock."""

    def is_locked() -> bool:
        try:
            process_lock.acquire(Path(killed.path), None)()
        except SyncError:
            return True
        return False

    killed.finish()
    command = [sys.executable, "-m", "roistat_async", *killed.arguments()]
    with connected(killed.path) as other:
        other.execute("BEGIN IMMEDIATE")
        with subprocess.Popen(
            command, text=True, env=killed.environment, stderr=subprocess.PIPE
        ) as process:
            _wait_until(is_locked)
            time.sleep(0.5)  # it now waits for the database
            started_at = time.monotonic()
            process.send_signal(signal.SIGTERM)  # as Ctrl-C, but a shell may ignore that for us
            _, err = process.communicate(timeout=_TIMEOUT)
        assert time.monotonic() - started_at < 15  # without the cancel it waits for 30 seconds
    assert process.returncode == 143
    assert "Traceback" not in err
    assert "never retrieved" not in err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_reader_does_not_disturb_a_sync(killed: KilledSync) -> None:
    """A program that reads the copy all the time neither waits nor stops the sync."""
    reads, address, has_read = 0, f"{Path(killed.path).as_uri()}?mode=ro", Event()

    def wait_for_reader(_: object) -> None:
        has_read.clear()
        has_read.wait(_TIMEOUT)

    killed.fake.on_request = wait_for_reader
    with killed.start() as process:
        while process.is_running():
            with (
                suppress(sqlite3.OperationalError),
                closing(sqlite3.connect(address, uri=True)) as connection,
            ):
                connection.execute("SELECT count(*), max(date) FROM calls").fetchone()
                reads += 1
            has_read.set()
        assert process.wait()[0] == 0
    assert reads > 10
    check_complete(killed)
