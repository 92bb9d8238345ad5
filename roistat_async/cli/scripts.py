"""`roistat scripts`: lists scripts."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import click

from .list_options import ListOptions, list_options
from .options import ConnectionOptions, connection_options, parse_zone, tz_option

if TYPE_CHECKING:
    from .. import Roistat, Script
    from .list_output import ListColumns
    from .table import Column


def _column_names() -> Sequence[str]:
    return ["all", *_every_column()]


@click.command("scripts")
@click.option(
    "--deleted/--existing", "is_deleted", default=None,
    help="Deleted or existing ones; default: what Roistat lists without the argument.",
)  # fmt: skip
@tz_option
@list_options(_column_names)
@connection_options
def command(
    *, connection: ConnectionOptions, is_deleted: bool | None, tz: str, rows: ListOptions
) -> None:
    """List the scripts: the rules by which numbers are substituted.

    \b
    roistat scripts
    roistat scripts --existing --json
    roistat scripts --csv --columns id,name,call_count
    """
    from .list_output import print_rows
    from .runner import run_with_client

    zone, columns = parse_zone(tz), _columns(rows)

    async def work(roistat: Roistat) -> None:
        scripts = await roistat.scripts.list(is_deleted=is_deleted)
        print_rows(scripts, rows, columns, zone=zone)

    run_with_client(connection, work)


def _every_column() -> dict[str, Column[Any]]:
    from ..models.scripts import Script, ScriptOptions
    from .columns import model_columns

    options = model_columns(ScriptOptions, attrgetter("options"), "options_")
    return {column.name: column for column in [*model_columns(Script), *options]}


def _columns(rows: ListOptions) -> ListColumns:
    from .list_output import ListColumns
    from .table import Column

    every = _every_column()
    table: list[Column[Script]] = [
        Column("id", "ID", lambda script: script.id),
        Column("name", "Name", lambda script: script.name, full=False),
        Column("is_enabled", "Enabled", lambda script: script.is_enabled),
        Column("call_count", "Calls", lambda script: script.call_count),
        Column(
            "options_calltracking_type",
            "Type",
            lambda script: script.options.calltracking_type,
            full=False,
        ),
        Column("creation_date", "Created", lambda script: script.creation_date),
    ]
    return ListColumns(table, [*every.values()], rows.chosen(every))


def _type(script: Script) -> object:
    return script.options.calltracking_type
