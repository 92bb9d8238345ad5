"""`roistat export`: saves the call history as .xls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    format_option,
    span_options,
)
from .text import escape_control, format_size

if TYPE_CHECKING:
    from .. import Download, Roistat


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@span_options
@format_option
@connection_options
def command(
    *, connection: ConnectionOptions, file: Path, span: PeriodOptions, json: bool | None
) -> None:
    """Save the call history of a period as FILE, an Excel 97-2003 sheet (.xls).

    An existing file is replaced, and only when the new one is complete.

    \b
    roistat export calls.xls --last 7d
    roistat export may.xls --period 2026-05-01..2026-05-31 --tz Europe/Moscow
    """
    from .output import wants_json, write_json
    from .progress import progress, should_show_progress
    from .runner import run_with_client

    if file.suffix.lower() not in (".xls", ""):
        raise click.UsageError(
            f"the export is an Excel 97-2003 sheet: name it {file.with_suffix('.xls').name}"
        )
    as_json, period = wants_json(json), span.require_period()

    async def work(roistat: Roistat) -> Download:
        shown = should_show_progress(stdout_is_free=True)
        with progress("Export", shown=shown, in_bytes=True) as advance:
            return await roistat.calls.export_xls(period, to=file, progress=advance)

    saved = run_with_client(connection, work)
    if as_json:
        write_json([saved])
    else:
        click.echo(f"{escape_control(str(saved.path))}: {format_size(saved.size)}")
