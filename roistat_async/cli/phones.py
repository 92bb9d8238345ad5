"""`roistat phones`: lists phone numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .filters import parse_filter, parse_sort
from .list_options import ListOptions, list_options
from .options import (
    ConnectionOptions,
    connection_options,
    on_bad_record_option,
    parse_zone,
    tz_option,
)

if TYPE_CHECKING:
    from .. import OnBadRecord, Pager, Phone, Roistat
    from .list_output import ListColumns


def _column_names() -> Sequence[str]:
    from ..models.phones import Phone
    from .columns import model_columns

    return ["all", *(column.name for column in model_columns(Phone))]


@click.command("phones")
@click.option(
    "--filter", "filters", multiple=True, metavar="'FIELD OP VALUE'",
    help="E.g. 'is_external = 1'; may be repeated, all must match.",
)  # fmt: skip
@click.option("--sort", default="id:asc", show_default=True, metavar="FIELD:ORDER")
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Maximum number of phone numbers."
)
@on_bad_record_option
@tz_option
@list_options(_column_names)
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    on_bad_record: OnBadRecord,
    tz: str,
    rows: ListOptions,
) -> int:
    """List the phone numbers of the project.

    \b
    roistat phones
    roistat phones --filter 'is_external = 1' --sort call_count:desc --limit 10
    roistat phones --excel --columns phone,script_id,last_use_date
    """
    from ..wire.list_query import PHONE_FIELDS
    from .list_output import print_list
    from .runner import run_with_client

    zone, columns = parse_zone(tz), _columns(rows)
    conditions = [parse_filter(text, PHONE_FIELDS, zone) for text in filters]
    order = parse_sort(sort, PHONE_FIELDS)

    async def work(roistat: Roistat) -> int:
        def start(row_limit: int | None) -> Pager[Phone]:
            return roistat.phones.list(
                filters=conditions, sort=order, limit=row_limit, on_bad_record=on_bad_record
            )

        return await print_list(start, rows, columns, zone=zone, limit=limit)

    return run_with_client(connection, work)


def _columns(rows: ListOptions) -> ListColumns:
    from ..models.phones import Phone
    from .columns import model_columns
    from .list_output import ListColumns
    from .table import Column

    every = {column.name: column for column in model_columns(Phone)}
    table: list[Column[Phone]] = [
        Column("id", "ID", lambda phone: phone.id),
        Column("phone", "Phone", lambda phone: phone.phone),
        Column("script_id", "Script", lambda phone: phone.script_id),
        Column("is_external", "External", lambda phone: phone.is_external),
        Column("call_count", "Calls", lambda phone: phone.call_count),
        Column("last_use_date", "Last used", lambda phone: phone.last_use_date),
        Column("prefix", "Prefix", lambda phone: phone.prefix, full=False),
    ]
    return ListColumns(table, [*every.values()], rows.chosen(every))
