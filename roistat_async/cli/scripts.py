"""`roistat scripts`: lists scripts."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import click

from .options import ConnectionOptions, connection_options, format_option

if TYPE_CHECKING:
    from .. import Roistat, Script
    from .output import Column


@click.command("scripts")
@click.option(
    "--deleted/--existing", "is_deleted", default=None,
    help="Deleted or existing ones; default: what Roistat lists without the argument.",
)  # fmt: skip
@format_option
@connection_options
def command(*, connection: ConnectionOptions, is_deleted: bool | None, json: bool | None) -> None:
    """List the scripts: the rules by which numbers are substituted."""
    from .output import wants_json, write_json, write_table
    from .runner import run_with_client

    async def work(roistat: Roistat) -> None:
        scripts = await roistat.scripts.list(is_deleted=is_deleted)
        if wants_json(json):
            write_json(scripts)
        else:
            write_table(scripts, _columns())

    run_with_client(connection, work)


def _columns() -> list[Column[Script]]:
    from .output import Column, format_datetime

    return [
        Column("ID", lambda script: script.id, full=True),
        Column("Name", lambda script: script.name),
        Column("Enabled", lambda script: script.is_enabled),
        Column("Calls", lambda script: script.call_count, full=True),
        Column("Type", lambda script: script.options.calltracking_type or None),
        Column(
            "Created, UTC", lambda script: format_datetime(script.creation_date, UTC), full=True
        ),
    ]
