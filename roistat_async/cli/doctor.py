"""`roistat doctor`: finds out how Roistat behaves for a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import exit_codes
from .options import ConnectionOptions, connection_options
from .text import print_error

if TYPE_CHECKING:
    from .. import Roistat
    from ..doctor import Check

_SYMBOLS = {"ok": "✓", "warn": "!", "fail": "✗", "unknown": "?"}


@click.command("doctor")
@click.option(
    "--json/--table", "json", default=None, help="JSON or a table; a table on a terminal."
)
@click.option(
    "--report", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write FILE (Markdown) for a bug report, with nothing personal in it.",
)  # fmt: skip
@connection_options
def command(*, connection: ConnectionOptions, json: bool | None, report: Path | None) -> int:
    """Check key, project and rights, and how Roistat behaves where nobody has documented it.

    At most eight requests are sent; they only read. The exit code is 4 if the key or the rights are
    refused, 1 if another check failed or none could be made, else 0: a warning costs no data.

    \b
    roistat doctor
    roistat doctor --json
    roistat doctor --report doctor.md
    """
    from .runner import run_with_client

    return run_with_client(connection, lambda roistat: _run(roistat, json, report))


async def _run(roistat: Roistat, json: bool | None, report: Path | None) -> int:
    from ..doctor import format_report, run_checks
    from .output import wants_json

    checks = await run_checks(roistat)
    if wants_json(json):
        _print_json(checks)
    else:
        print_checks(checks)
    if report is not None:
        report.write_text(format_report(checks, base_url=roistat.base_url), encoding="utf-8")
        print_error(f"{report}: attach it to a bug report; nothing personal is in it")
    return _exit_code(checks)


def _exit_code(checks: list[Check]) -> int:
    from ..doctor import is_refused

    if is_refused(checks):
        return exit_codes.NO_ACCESS
    statuses = {check.status for check in checks}
    return exit_codes.FAILED if "fail" in statuses or statuses == {"unknown"} else exit_codes.DONE


def print_checks(checks: list[Check]) -> None:
    """Print one line for each check, and below it what the library does."""
    import textwrap

    from .output import make_console

    console = make_console()
    width = max(len(check.name) for check in checks)
    for check in checks:
        indent = " " * (width + 4)
        text = f"{_SYMBOLS[check.status]} {check.name:<{width}}  {check.detail}"
        for line in textwrap.wrap(text, console.width, subsequent_indent=indent):
            console.out(line)
        if check.handling:
            text = f"{indent}→ {check.handling}"
            for line in textwrap.wrap(text, console.width, subsequent_indent=f"{indent}  "):
                console.out(line)


def _print_json(checks: list[Check]) -> None:
    from .output import write_json

    write_json([{"checks": checks}])
