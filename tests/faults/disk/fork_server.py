"""Process that has loaded the package and forks a child for each piece of work.

Starting Python takes longer than the work that a test wants to kill.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import define

from roistat_async import Limits, Roistat
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat

_UNLIMITED = Limits(per_second=None, per_hour=None)
_SINCE = timedelta(days=30)


async def many(roistat: Roistat, folder: str, *ids: str) -> None:
    """Save recordings into a folder."""
    async for outcome in roistat.calls.download_recordings(ids, folder, concurrency=3):
        assert outcome.error is None


async def one(roistat: Roistat, target: str, call_id: str) -> None:
    """Save a recording as a file."""
    await roistat.calls.download_recording(call_id, to=target)


async def copy(roistat: Roistat, target: str) -> None:
    """Copy all calls, and with a database their recordings as well."""
    await sync_calls(roistat, target, since=datetime.now(UTC) - _SINCE, page_size=15)
    if target.endswith(".db"):
        await sync_recordings(roistat, target, Path(target).with_name("mp3"), limit=9)


WORK = {work.__name__: work for work in (many, one, copy)}


@define
class ForkServer:
    """Process that runs one piece of work at a time, as its parent sees it."""

    _process: subprocess.Popen[str]

    def start(self, *arguments: str) -> int:
        """Start a piece of work and return its process id."""
        self._send(" ".join(arguments))
        return int(self._receive())

    def wait(self) -> int:
        """Wait for the work under way and return its exit code."""
        self._send("wait")
        return int(self._receive())

    def run(self, *arguments: str) -> float:
        """Run a piece of work to its end and return the seconds it took."""
        started_at = time.monotonic()
        self.start(*arguments)
        assert self.wait() == 0
        return time.monotonic() - started_at

    def kill_after(self, seconds: float, *arguments: str) -> bool:
        """Kill a piece of work after some time; return whether that was before its end."""
        child = self.start(*arguments)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # its id is still its own, even if it has ended
        code = self.wait()
        assert code in (0, -9)
        return code == -9

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _receive(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def fork_server(fake: FakeRoistat) -> Iterator[ForkServer]:
    """Run a fork server whose work uses a fake server."""
    environ = {
        **os.environ,
        "ROISTAT_BASE_URL": fake.base_url,
        "ROISTAT_API_KEY": fake.api_key,
        "ROISTAT_PROJECT": str(fake.project),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.disk.fork_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        yield ForkServer(process)
        assert process.stdin is not None
        process.stdin.close()


async def _work(name: str, *arguments: str) -> None:
    async with Roistat.from_env(limits=_UNLIMITED) as roistat:
        await WORK[name](roistat, *arguments)


def _fork(arguments: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(_work(*arguments))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _reply(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _main() -> None:
    for line in sys.stdin:
        if line == "wait\n":
            _reply(os.waitstatus_to_exitcode(os.wait()[1]))
        else:
            _reply(_fork(line.split()))


if __name__ == "__main__":
    _main()
