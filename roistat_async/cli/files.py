"""The commands that save files: recordings, export."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options, output
from .app import DONE, IN_PART
from .running import run

if TYPE_CHECKING:
    from ..client import Roistat
    from ..models.calls import Call
    from ..models.period import Period


@click.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@options.connection
@options.period
@click.option("--call-id", "call_ids", multiple=True, help="This call; may be repeated.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read call ids from stdin, one a line.")
@click.option("--concurrency", type=click.IntRange(1), default=8, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="An outcome a line, as NDJSON.")
def recordings(
    folder: Path,
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    period_text: str | None,
    last: str | None,
    tz: str,
    call_ids: tuple[str, ...],
    from_stdin: bool,
    concurrency: int,
    as_json: bool,
) -> int:
    """Save recordings into FOLDER as <call id>.mp3; files that exist are skipped.

    Without call ids: those of the answered calls of --period or --last.
    """
    named = [*call_ids, *_ids_on_stdin(from_stdin)]
    period = None if named else options.need_period(period_text, last, tz)
    client = options.open_client(base_url, project, api_key_file)
    return run(_save(client, named, period, folder, concurrency, as_json))


@click.command
@click.argument("file", type=click.Path(path_type=Path))
@options.connection
@options.period
def export(
    file: Path,
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    period_text: str | None,
    last: str | None,
    tz: str,
) -> None:
    """Save the call history of a period as FILE, an Excel 97-2003 sheet."""
    period = options.need_period(period_text, last, tz)
    client = options.open_client(base_url, project, api_key_file)

    async def save() -> None:
        async with client as roistat:
            with output.progress() as bar:
                task = bar.add_task("bytes", total=None)
                saved = await roistat.calls.export_xls(
                    period,
                    to=file,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        click.echo(f"{saved.path}: {saved.size} bytes", err=True)

    run(save())


async def _save(
    client: Roistat,
    named: list[str],
    period: Period | None,
    folder: Path,
    concurrency: int,
    as_json: bool,
) -> int:
    counts: Counter[str] = Counter()
    async with client as roistat:
        wanted: Iterable[str] | AsyncIterable[Call] = named
        if period is not None:
            wanted = _answered(roistat, period)
        with output.progress() as bar:
            task = bar.add_task("recordings", total=len(named) or None)
            outcomes = roistat.calls.download_recordings(wanted, folder, concurrency=concurrency)
            async for outcome in outcomes:
                counts[str(outcome.status)] += 1
                bar.advance(task)
                if as_json:
                    shown = {"call_id": outcome.call_id, "status": outcome.status}
                    output.write_json([{**shown, "path": outcome.path and str(outcome.path)}])
                if outcome.error is not None:
                    click.echo(f"{outcome.call_id}: {outcome.error}", err=True)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    click.echo(f"{folder}: {told or 'nothing to do'}", err=True)
    return IN_PART if counts["failed"] else DONE


def _answered(roistat: Roistat, period: Period) -> AsyncIterable[Call]:
    return roistat.calls.list(
        filters=[("status", "=", "ANSWER"), *options.inside(period)],
        sort=("date", "desc"),
    )


def _ids_on_stdin(wanted: bool) -> list[str]:
    lines = click.get_text_stream("stdin").read().split() if wanted else []
    if wanted and not lines:
        raise click.UsageError("--stdin was given, but stdin holds no id")
    return lines
