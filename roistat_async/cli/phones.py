"""`roistat phones`: lists phone numbers."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import click

from .filters import parse_filter, parse_sort
from .options import ConnectionOptions, connection_options, format_option, on_bad_record_option

if TYPE_CHECKING:
    from .. import OnBadRecord, Pager, Phone, Roistat
    from .output import Column


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
@format_option
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    on_bad_record: OnBadRecord,
    json: bool | None,
) -> int:
    """List the phone numbers of the project."""
    from ..wire.list_query import PHONE_FIELDS
    from .list_output import print_list
    from .output import wants_json
    from .runner import run_with_client

    conditions = [parse_filter(text, PHONE_FIELDS, UTC) for text in filters]
    order = parse_sort(sort, PHONE_FIELDS)

    async def work(roistat: Roistat) -> int:
        def start(row_limit: int | None) -> Pager[Phone]:
            return roistat.phones.list(
                filters=conditions, sort=order, limit=row_limit, on_bad_record=on_bad_record
            )

        return await print_list(start, _columns(), as_json=wants_json(json), limit=limit)

    return run_with_client(connection, work)


def _columns() -> list[Column[Phone]]:
    from .output import Column, format_datetime

    return [
        Column("ID", lambda phone: phone.id, full=True),
        Column("Phone", lambda phone: phone.phone, full=True),
        Column("Script", lambda phone: phone.script_id, full=True),
        Column("External", lambda phone: phone.is_external),
        Column("Calls", lambda phone: phone.call_count, full=True),
        Column(
            "Last used, UTC", lambda phone: format_datetime(phone.last_use_date, UTC), full=True
        ),
        Column("Prefix", lambda phone: phone.prefix),
    ]
