"""A process that has loaded the package and forks another for each piece of work.

To start Python anew takes longer than the work that is to be killed.
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
    async for one in roistat.calls.download_recordings(ids, folder, concurrency=3):
        assert one.error is None


async def one(roistat: Roistat, target: str, call_id: str) -> None:
    """Save a recording under a name."""
    await roistat.calls.download_recording(call_id, to=target)


async def copy(roistat: Roistat, target: str) -> None:
    """Copy all calls; into a database their recordings as well."""
    await sync_calls(roistat, target, since=datetime.now(UTC) - _SINCE, page_size=15)
    if target.endswith(".db"):
        await sync_recordings(roistat, target, Path(target).with_name("mp3"), limit=9)


WORK = {work.__name__: work for work in (many, one, copy)}


@define
class Nursery:
    """Be the process, as its parent sees it; one piece of work at a time."""

    _process: subprocess.Popen[str]

    def start(self, *words: str) -> int:
        """Begin a piece of work; give the number of its process."""
        self._say(" ".join(words))
        return int(self._heard())

    def ended(self) -> int:
        """Wait for the end of the work under way; give its exit code."""
        self._say("collect")
        return int(self._heard())

    def done(self, *words: str) -> float:
        """Do a piece of work undisturbed; give the seconds it took."""
        began = time.monotonic()
        self.start(*words)
        assert self.ended() == 0
        return time.monotonic() - began

    def killed(self, seconds: float, *words: str) -> bool:
        """Kill a piece of work after so many seconds; tell whether that was before its end."""
        child = self.start(*words)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # it is not collected yet, even where it ended
        code = self.ended()
        assert code in (0, -9)
        return code == -9

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _heard(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def nursery(fake: FakeRoistat) -> Iterator[Nursery]:
    """Start such a process for a server."""
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
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


async def _work(name: str, *words: str) -> None:
    async with Roistat.from_env(limits=_UNLIMITED) as roistat:
        await WORK[name](roistat, *words)


def _born(words: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(_work(*words))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _main() -> None:
    for line in sys.stdin:
        if line == "collect\n":
            _tell(os.waitstatus_to_exitcode(os.wait()[1]))
        else:
            _tell(_born(line.split()))


if __name__ == "__main__":
    _main()
