"""FakeRoistat: a Roistat on loopback, opened and closed by its user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from .background import running_in_thread
from .clocks import Clock, wall_clock
from .quirks import Quirks
from .responses import Row
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
        projects: Iterable[int] = (),
        api_key: str = API_KEY,
        seed: int = 1,
        quirks: Quirks | None = None,
        clock: Clock = wall_clock,
        business_hours: bool = False,
        port: int = 0,
    ) -> None:
        """Make up a project, and further `projects`, each with `calls` calls.

        With `business_hours` calls come by day more than at night and on weekdays more than at
        weekends, in Moscow. Without them the calls of a test are alike at any time of the week.

        A clock of a test also counts the limits and writes the Date header. Without one, the Date
        header has the time of the system, and limits are counted by a monotonic clock.
        """
        super().__init__(
            calls=calls,
            project=project,
            projects=projects,
            api_key=api_key,
            seed=seed,
            quirks=quirks,
            clock=clock,
            business_hours=business_hours,
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

    async def send_webhook(
        self,
        url: str,
        call: str | int | Row | object,
        event: Literal["start", "end"] = "end",
        *,
        project: int | None = None,
    ) -> int:
        """Post the webhook of a call to a URL, as Roistat does, and return the HTTP status.

        `call` is an id, a dict of `state.calls` or a `Call`; an unknown one is a KeyError. Post
        the same event twice, or leave one out: Roistat does both.
        """
        # Here, not above: pytest loads this package in every run of every user.
        from .webhooks import post, webhook_body

        state = self.state if project is None else self.projects[project]
        with state.lock:
            body = webhook_body(state.call_row(call), event)
        return await post(url, body)

    def send_webhook_sync(
        self,
        url: str,
        call: str | int | Row | object,
        event: Literal["start", "end"] = "end",
        *,
        project: int | None = None,
    ) -> int:
        """Do the same as `send_webhook`, for code that is not async."""
        return asyncio.run(self.send_webhook(url, call, event, project=project))

    @contextmanager
    def in_thread(self) -> Iterator[FakeRoistat]:
        """Run in a thread of its own, for code that is not async."""
        with running_in_thread(self.start, self.stop):
            yield self
