"""FakeRoistat: a Roistat on loopback, opened and closed by its user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from .background import running_in_thread
from .clocks import Clock, wall_clock
from .quirks import Quirks
from .server_state import API_KEY, ServerState

if TYPE_CHECKING:
    from .http import HttpServer


class FakeRoistat(ServerState):
    """A Roistat on loopback: real HTTP, state to read and set, faults to script."""

    def __init__(
        self,
        *,
        calls: int = 200,
        project: int = 12345,
        api_key: str = API_KEY,
        seed: int = 1,
        quirks: Quirks | None = None,
        clock: Clock = wall_clock,
        port: int = 0,
    ) -> None:
        """Make up one project.

        A clock of a test also counts the limits and writes the Date header. Without one, the Date
        header has the time of the system, and limits are counted by a monotonic clock.
        """
        super().__init__(
            calls=calls, project=project, api_key=api_key, seed=seed, quirks=quirks, clock=clock
        )
        self._port = port
        self._server: HttpServer | None = None

    def __repr__(self) -> str:
        """Return the port and the projects, never the key."""
        return f"<FakeRoistat on port {self._port}, projects {list(self.projects)}>"

    @property
    def base_url(self) -> str:
        """The address to give to a client, with the port once it is started."""
        return f"http://127.0.0.1:{self._port}/api/v1"

    async def start(self) -> None:
        """Open the port."""
        # Here, not above: pytest loads this package in every run of every user.
        from .http import HttpServer

        self._server = HttpServer(self)
        self._port = await self._server.start(self._port)

    async def stop(self) -> None:
        """Close the port and every connection, stalled ones too."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def __aenter__(self) -> FakeRoistat:
        """Open the port."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        await self.stop()

    @contextmanager
    def in_thread(self) -> Iterator[FakeRoistat]:
        """Run in a thread of its own, for code that is not async."""
        with running_in_thread(self.start, self.stop):
            yield self
