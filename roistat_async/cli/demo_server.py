"""The made-up Roistat of the demo; in a process, since a thread would slow the client."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import RoistatError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PATIENCE = 60.0


class State(NamedTuple):
    """Be what the server knows: its calls' ids and how many requests came."""

    ids: list[str]
    requests: int


class Server(NamedTuple):
    """Say how to reach the server, and ask it what it knows."""

    pipe: Connection
    base_url: str
    api_key: str
    project: int

    def state(self) -> State:
        """Look into the server, past its API."""
        self.pipe.send("state")
        return State(*_receive(self.pipe))


@contextmanager
def serving(calls: int) -> Iterator[Server]:
    """Run the server while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(calls, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Server(ours, *_receive(ours))
    finally:
        ours.close()  # the end of the pipe is the end of the server
        process.join(_PATIENCE)


def _receive(pipe: Connection) -> Any:
    with suppress(EOFError):  # the process ended
        if pipe.poll(_PATIENCE):
            return pipe.recv()
    raise RoistatError("the made-up server did not answer")


def _serve(calls: int, pipe: Connection) -> None:
    # Ctrl-C reaches both processes; this one ends when the other has closed everything.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from ..testing import FakeRoistat

    with FakeRoistat(calls=calls).in_thread() as fake:
        pipe.send((fake.base_url, fake.api_key, fake.project))
        try:
            while pipe.recv():
                pipe.send(State(fake.state.calls.ids(), len(fake.requests)))
        except EOFError:
            return
