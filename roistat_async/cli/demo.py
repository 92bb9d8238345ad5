"""`roistat demo`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import RoistatError
from . import exits
from .fake_server import check_installed
from .text import harmless, say, size

if TYPE_CHECKING:
    from .. import Call, CallAnalytics, Period, Roistat
    from .demo_server import Server, State
    from .recordings import Tally

_FOLDER = "roistat-demo"
_PAGE_SIZE = 1000
_CONCURRENCY = 8


@click.command("demo")
@click.option("--calls", type=click.IntRange(min=1), default=20_000, show_default=True, metavar="N")
@click.option(
    "--recordings", type=click.IntRange(min=0), default=50, show_default=True, metavar="N"
)
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
    help=f"Where the files go; else {_FOLDER} (or {_FOLDER}-2, ...) in this folder.",
)  # fmt: skip
def command(*, calls: int, recordings: int, folder: Path | None) -> int:
    """Try everything on a made-up project on this machine; needs no key and no network.

    Lists calls with their visits, downloads the newest recordings, exports the .xls file and
    draws the analytics, with the limits of the real Roistat. Exit code 0 says that what was
    listed is exactly what the server holds.
    """
    check_installed("roistat demo")
    from .analytics import draw
    from .demo_server import serving
    from .running import run

    place = folder or _fresh_folder()
    with serving(calls) as server:
        done = Demo(place, recordings)
        stats = run(done.work(server))
        state = server.state()
    draw(stats)
    click.echo()
    for line in done.summary(state):
        click.echo(harmless(line))
    return done.verdict(state)


class Demo:
    """Do the main job with the real client, and remember what was done in what time."""

    def __init__(self, place: Path, recordings: int) -> None:
        from .recordings import Tally

        self._place = place
        self._wanted = recordings
        self._ids: list[str] = []
        self._visits = 0
        self._pages = 0
        self._answered: list[Call] = []
        self._first: Call | None = None
        self._tally: Tally = Tally(as_json=False)
        self._export = 0
        self._seconds: dict[str, float] = {}

    async def work(self, server: Server) -> CallAnalytics:
        """Do every step."""
        from .. import Period, Roistat
        from .recordings import save

        key, project, base_url = server.api_key, server.project, server.base_url
        async with Roistat(key, project, base_url=base_url) as roistat:
            with self._timed("listing"):
                await self._list(roistat)
            with self._timed("recordings"):
                self._tally.total = len(self._answered)
                folder = self._place / "recordings"
                await save(roistat, self._answered, folder, _CONCURRENCY, self._tally)
            period = Period(_oldest(self._first), Period.last(hours=1).end)
            with self._timed("export"):
                await self._save_export(roistat, period)
            with self._timed("analytics"):
                return await roistat.analytics.get(period)

    def summary(self, state: State) -> Iterator[str]:
        """Tell what was done."""
        seconds, total = self._seconds, sum(self._seconds.values())
        right = "exactly those the server holds" if self._is_right(state) else "NOT the server's"
        yield (
            f"Listed      {len(self._ids):,} calls ({right}), {self._visits:,} with a visit, "
            f"in {self._pages} pages: {seconds['listing']:.1f} s"
        )
        yield f"Recordings  {self._tally.told()}: {seconds['recordings']:.1f} s"
        yield f"Export      {size(self._export)}: {seconds['export']:.1f} s"
        yield f"Analytics   {seconds['analytics']:.1f} s"
        yield f"Together    {total:.1f} s, {state.requests} requests (Roistat allows 10 a second)"
        yield f"Files       {self._place.resolve()}"

    def verdict(self, state: State) -> int:
        """Give the exit code."""
        if not self._is_right(state):
            return exits.REFUSED
        return exits.PARTLY if self._tally.counts["failed"] else exits.DONE

    async def _list(self, roistat: Roistat) -> None:
        from .progress import is_watched, progress

        pager = roistat.calls.list(extend=("visit",), page_size=_PAGE_SIZE)
        with progress("Calls", shown=is_watched(stdout_is_free=True)) as advance:
            async with aclosing(pager.pages()) as pages:
                async for page in pages:
                    self._note(page.items)
                    advance(len(self._ids), page.total)

    def _note(self, calls: list[Call]) -> None:
        self._pages += 1
        self._ids += [call.id for call in calls]
        self._visits += sum(call.visit is not None for call in calls)
        # The newest come first.
        room = self._wanted - len(self._answered)
        self._answered += islice((call for call in calls if call.status == "ANSWER"), room)
        self._first = calls[-1] if calls else self._first

    async def _save_export(self, roistat: Roistat, period: Period) -> None:
        from .progress import is_watched, progress

        shown = is_watched(stdout_is_free=True)
        with progress("Export", shown=shown, in_bytes=True) as advance:
            to = self._place / "calls.xls"
            self._export = (await roistat.calls.export_xls(period, to=to, progress=advance)).size

    def _is_right(self, state: State) -> bool:
        return len(self._ids) == len(state.ids) and set(self._ids) == set(state.ids)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        say(f"{step} ...")
        began = time.perf_counter()
        yield
        self._seconds[step] = time.perf_counter() - began


def _oldest(first: Call | None) -> datetime:
    if first is None:
        raise RoistatError("the made-up server gave no call")
    return first.date


def _fresh_folder() -> Path:
    """Find a name nobody has: what is there stays, and nothing is skipped as there already."""
    place, number = Path(_FOLDER), 1
    while place.exists():
        number += 1
        place = Path(f"{_FOLDER}-{number}")
    return place
