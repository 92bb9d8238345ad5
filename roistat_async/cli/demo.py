"""The command that shows everything at work against a fake Roistat."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import output
from .analytics import draw
from .app import DONE, FAILED
from .running import run

if TYPE_CHECKING:
    from ..client import Roistat
    from ..models.calls import Call
    from ..testing import FakeRoistat

_PERIOD_DAYS = 30


@click.command
@click.option("--calls", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--recordings", type=click.IntRange(0), default=50, show_default=True)
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False))
def demo(calls: int, recordings: int, folder: Path | None) -> int:
    """List calls, save recordings, export the .xls, draw the analytics: all on this machine."""
    from ..testing import FakeRoistat

    if find_spec("xlwt") is None:
        raise click.UsageError("the demo needs xlwt: pip install 'roistat_async[cli,testing]'")
    place = folder or Path(tempfile.mkdtemp(prefix="roistat-demo-"))
    with FakeRoistat(calls=calls).in_thread() as fake:
        return run(_demo(fake, place, recordings))


class _Summary:
    """Gather what was done and how long it took."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time a step; it tells its result into the list."""
        told: list[str] = []
        started = time.monotonic()
        yield told
        self.rows.append((what, ", ".join(told), f"{time.monotonic() - started:.1f} s"))


async def _demo(fake: FakeRoistat, folder: Path, recordings: int) -> int:
    from ..client import Roistat
    from ..models.period import Period

    summary = _Summary()
    period = Period.last(days=_PERIOD_DAYS)
    async with Roistat(fake.api_key, fake.project, base_url=fake.base_url) as roistat:
        with summary.step("list calls with visits") as told:
            listed = await _list(roistat, len(fake.state.calls), told)
        with summary.step("save recordings, 8 at a time") as told:
            answered = [call for call in listed if call.status == "ANSWER"][:recordings]
            await _save(roistat, answered, folder / "recordings", told)
        with summary.step("export .xls") as told:
            saved = await roistat.calls.export_xls(period, to=folder / "calls.xls")
            told.append(f"{saved.size:,} bytes for {_PERIOD_DAYS} days")
        with summary.step("analytics") as told:
            stats = await roistat.analytics.get(period)
            told.append(f"{stats.hourly_weekly_quantity.total} calls in {_PERIOD_DAYS} days")
    draw(stats)
    is_right = {call.id for call in listed} == set(fake.state.calls.ids())
    _print(summary, fake, folder, is_right=is_right)
    return DONE if is_right else FAILED


async def _list(roistat: Roistat, expected: int, told: list[str]) -> list[Call]:
    listed: list[Call] = []
    with output.progress() as bar:
        task = bar.add_task("calls", total=expected)
        async for page in roistat.calls.list(extend=("visit",)).pages():
            listed.extend(page.items)
            bar.update(task, completed=len(listed))
    visits = sum(call.visit is not None for call in listed)
    told.append(f"{len(listed):,} calls, {visits:,} with a visit")
    return listed


async def _save(roistat: Roistat, calls: list[Call], folder: Path, told: list[str]) -> None:
    counts: Counter[str] = Counter()
    size = 0
    with output.progress() as bar:
        task = bar.add_task("recordings", total=len(calls))
        async for outcome in roistat.calls.download_recordings(calls, folder, concurrency=8):
            counts[str(outcome.status)] += 1
            size += outcome.size or 0
            bar.advance(task)
    told.extend(f"{count} {status}" for status, count in sorted(counts.items()))
    told.append(f"{size:,} bytes")


def _print(summary: _Summary, fake: FakeRoistat, folder: Path, *, is_right: bool) -> None:
    output.write_table(("what", "result", "time"), summary.rows)
    match = "exactly" if is_right else "NOT"
    click.echo(f"{len(fake.requests)} requests, at most 10 a second, as Roistat allows")
    click.echo(f"what was listed is {match} what the server has")
    click.echo(f"the files are in {folder}")
