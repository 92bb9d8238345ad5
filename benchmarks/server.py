"""Fake Roistat in a process of its own, so that its work does not count as the client's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from attrs import frozen


@frozen
class Served:
    """Address of a server."""

    base_url: str
    api_key: str
    project: int
    counter: Any = None

    @property
    def refusals(self) -> int:
        """Number of requests that were refused because of a limit."""
        return 0 if self.counter is None else int(self.counter.value)


@contextmanager
def serving(calls: int) -> Iterator[Served]:
    """Serve so many calls, without limits, while the block runs."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    process = context.Process(target=_serve, args=(calls, child), daemon=True)
    process.start()
    child.close()
    try:
        yield Served(*parent.recv())
    finally:
        parent.close()
        process.join(30)


def _serve(calls: int, pipe: Connection) -> None:
    from roistat_async.testing import FakeRoistat, Quirks

    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=calls, quirks=quirks).in_thread() as fake:
        pipe.send((fake.base_url, fake.api_key, fake.project))
        try:
            pipe.recv()
        except EOFError:
            return
