"""Fake server of the demo, in a process of its own: a thread would slow the client."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import RoistatError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ..testing import FakeRoistat

FIELDS = (
    "status", "duration", "waiting_time", "answer_duration", "comment", "callee", "caller",
)  # fmt: skip
"""Fields of a call that are compared, besides its id and date."""

Rows = dict[str, tuple[object, ...]]
"""Date (Unix time) and FIELDS of each call, by id."""

_TIMEOUT = 60.0
_HOUR = 3600
_DAY = 24 * _HOUR
_NEW, _LATE, _COMMENTED = 5, 3, 4


class ServerState(NamedTuple):
    """State of the server: its calls and the number of requests it received."""

    rows: Rows
    requests: int


class ServerChanges(NamedTuple):
    """Numbers of calls that changed on the server."""

    new: int
    late: int
    ended: int
    commented: int


class DemoServer(NamedTuple):
    """Handle of the running server: its address, and a pipe to read and change its state."""

    pipe: Connection
    base_url: str
    api_key: str
    project: int

    def state(self) -> ServerState:
        """Return the state of the server."""
        return ServerState(*self._do("state"))

    def change(self) -> ServerChanges:
        """Make the changes of a day: calls are added, some late, end and get comments."""
        return ServerChanges(*self._do("change"))

    def _do(self, command: str) -> Any:
        self.pipe.send(command)
        return _receive(self.pipe)


@contextmanager
def run_server(calls: int) -> Iterator[DemoServer]:
    """Run the server during the block."""
    context = multiprocessing.get_context("spawn")
    client_end, server_end = context.Pipe()
    process = context.Process(target=_serve, args=(calls, server_end), daemon=True)
    process.start()
    server_end.close()
    try:
        yield DemoServer(client_end, *_receive(client_end))
    finally:
        client_end.close()  # the end of the pipe is the end of the server
        process.join(_TIMEOUT)


def _receive(pipe: Connection) -> Any:
    with suppress(EOFError):  # the process ended
        if pipe.poll(_TIMEOUT):
            return pipe.recv()
    raise RoistatError("the fake server of the demo did not respond; run the demo again")


def _serve(calls: int, pipe: Connection) -> None:
    # Ctrl-C reaches both processes. This one ends when the other has closed everything.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from ..testing import FakeRoistat

    commands: dict[str, Callable[[FakeRoistat], object]] = {"state": _state, "change": _change}
    with FakeRoistat(calls=calls).in_thread() as fake:
        _add_active_call(fake)
        pipe.send((fake.base_url, fake.api_key, fake.project))
        try:
            while command := pipe.recv():
                with fake.state.lock:
                    reply = commands[command](fake)
                pipe.send(reply)
        except EOFError:
            return


def _state(fake: FakeRoistat) -> ServerState:
    book = fake.state.calls
    ids = book.ids()
    # Read field by field: a row that is read as a whole is cached, which slows the server.
    rows = [
        (book.date_at(index), *(book.value_at(index, name) for name in FIELDS))
        for index in range(len(book))
    ]
    return ServerState(dict(zip(ids, rows, strict=True)), len(fake.requests))


def _add_active_call(fake: FakeRoistat) -> None:
    """Add a call that lasts for days: longer than the default lookback of a later sync."""
    book = fake.state.calls
    past = book.between(0, fake.clock() - 3 * _DAY)
    if past:
        call_id = str(book.value_at(past[-1], "id"))
        fake.state.edit_call(call_id, status="ACTIVE", duration=0, answer_duration=0)


def _change(fake: FakeRoistat) -> ServerChanges:
    state, now = fake.state, fake.clock()
    recent = state.calls.between(now - 20 * _HOUR, now)
    lately = [str(state.calls.value_at(index, "id")) for index in recent]
    every = ((str(state.calls.value_at(index, "id")), index) for index in range(len(state.calls)))
    active = [
        call_id for call_id, index in every if state.calls.value_at(index, "status") == "ACTIVE"
    ]
    commented = [call_id for call_id in lately if call_id not in active][:_COMMENTED]
    for call_id in active:
        state.edit_call(call_id, status="ANSWER", duration=75, waiting_time=10, answer_duration=65)
    for call_id in commented:
        state.edit_call(call_id, comment="Перезвонили, договор подписан")
    for number in range(_LATE):
        state.add_call(date=now - (number + 1) * 5 * _HOUR)
    for _ in range(_NEW):
        state.add_call()
    return ServerChanges(_NEW, _LATE, len(active), len(commented))
