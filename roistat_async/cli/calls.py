"""`roistat calls`: lists calls."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from .filters import parse_filter, parse_sort
from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    format_option,
    on_bad_record_option,
    parse_names,
    span_options,
)

if TYPE_CHECKING:
    from .. import Call, OnBadRecord, Pager, Roistat
    from .output import Column


@click.command("calls")
@span_options
@click.option("--extend", metavar="PARTS", help="Add parts to each call: visit,order.")
@click.option(
    "--filter", "filters", multiple=True, metavar="'FIELD OP VALUE'",
    help="E.g. 'status in ANSWER,BUSY'; may be repeated, all must match.",
)  # fmt: skip
@click.option("--sort", default="date:desc", show_default=True, metavar="FIELD:ORDER")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Maximum number of calls.")
@click.option(
    "--page-size", default=1000, show_default=True, metavar="N", help="Calls per request."
)
@on_bad_record_option
@format_option
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    span: PeriodOptions,
    extend: str | None,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    page_size: int,
    on_bad_record: OnBadRecord,
    json: bool | None,
) -> int:
    """List calls, the newest first.

    \b
    roistat calls --last 24h
    roistat calls --period 2026-05-01..2026-05-31 --tz Europe/Moscow --extend visit --json
    """
    from ..wire.list_query import CALL_FIELDS
    from .list_output import print_list
    from .output import wants_json
    from .runner import run_with_client

    parts, zone, period = parse_names(extend), span.zone, span.period_or_none()
    conditions = [parse_filter(text, CALL_FIELDS, zone) for text in filters]
    order = parse_sort(sort, CALL_FIELDS)

    async def work(roistat: Roistat) -> int:
        def start(row_limit: int | None) -> Pager[Call]:
            return roistat.calls.list(
                period=period,
                filters=conditions,
                extend=parts,
                sort=order,
                page_size=page_size,
                limit=row_limit,
                on_bad_record=on_bad_record,
            )

        return await print_list(start, _columns(zone, parts), as_json=wants_json(json), limit=limit)

    return run_with_client(connection, work)


def _columns(zone: tzinfo, parts: tuple[str, ...]) -> list[Column[Call]]:
    from .output import Column, format_datetime

    columns: list[Column[Call]] = [
        Column("ID", lambda call: call.id, full=True),
        Column("Date", lambda call: format_datetime(call.date, zone), full=True),
        Column("Status", lambda call: call.status, full=True),
        Column("Caller", lambda call: call.caller, full=True),
        Column("Callee", lambda call: call.callee, full=True),
        Column("Talk, s", lambda call: call.answer_duration, full=True),
        Column("Script", lambda call: call.script_name),
        Column("Source", _source),
    ]
    if "visit" in parts:
        columns.append(Column("City", _city))
    if "order" in parts:
        columns.append(Column("Order", lambda call: call.order and call.order.id))
    return columns


def _source(call: Call) -> str | None:
    source = call.static_source or (call.visit.source if call.visit else None)
    return source.display_name if source else None


def _city(call: Call) -> str | None:
    return call.visit.geo.city if call.visit and call.visit.geo else None
