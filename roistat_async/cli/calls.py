"""`roistat calls`: lists calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .complete import complete_names
from .filters import parse_filter, parse_phone_filters, parse_sort, parse_statuses
from .list_options import ListOptions, list_options
from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    on_bad_record_option,
    parse_names,
    span_options,
)

if TYPE_CHECKING:
    from .. import Call, OnBadRecord, Pager, Roistat
    from .list_output import ListColumns, PageSource
    from .table import Column

_CUT = {"script_name", "source_display_name", "geo_city"}
"""Columns that may be cut on a narrow terminal."""


def _column_names() -> Sequence[str]:
    from .columns import call_columns

    return ["all", *call_columns()]


def _status_names() -> Sequence[str]:
    from ..models.calls import CallStatus

    return sorted(CallStatus)


@click.command("calls")
@span_options
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS",
    shell_complete=complete_names(_status_names),
    help="Calls of a status: ANSWER. Several with commas, or repeated.",
)  # fmt: skip
@click.option(
    "--phone", "phones", multiple=True, metavar="NUMBER",
    help="Calls from or to a number; with % a part of it: 7495%. May be repeated.",
)  # fmt: skip
@click.option(
    "--extend", metavar="PARTS", shell_complete=complete_names(lambda: ("visit", "order")),
    help="Add parts to each call: visit,order. --columns adds what it needs.",
)  # fmt: skip
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
@list_options(_column_names)
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    span: PeriodOptions,
    statuses: tuple[str, ...],
    phones: tuple[str, ...],
    extend: str | None,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    page_size: int,
    on_bad_record: OnBadRecord,
    rows: ListOptions,
) -> int:
    """List calls, the newest first.

    \b
    roistat calls --last 24h
    roistat calls --since yesterday --status ANSWER,BUSY --tz local
    roistat calls --csv --columns id,date,status,source_display_name --phone +74951234567
    roistat calls --period 2026-05-01..2026-05-31 --tz Europe/Moscow --extend visit --json
    """
    from ..wire.list_query import CALL_FIELDS
    from .list_output import print_list
    from .merged_list import SORT_KEYS, MergedCalls
    from .runner import run_with_client

    zone, period = span.zone, span.period_or_none()
    columns, parts = _columns(rows, parse_names(extend))
    status = parse_statuses(statuses)
    conditions = [parse_filter(text, CALL_FIELDS, zone) for text in filters]
    either = parse_phone_filters(phones, ("callee", "caller"))
    order = parse_sort(sort, CALL_FIELDS)
    if either and order[0] not in SORT_KEYS:
        raise click.UsageError("--phone needs --sort by date or id")

    async def work(roistat: Roistat) -> int:
        def pager(row_limit: int | None, *more: Any) -> Pager[Call]:
            return roistat.calls.list(
                period=period,
                status=status,
                filters=[*conditions, *more],
                extend=parts,
                sort=order,
                page_size=page_size,
                limit=row_limit,
                on_bad_record=on_bad_record,
            )

        def start(row_limit: int | None) -> PageSource[Call]:
            if not either:
                return pager(row_limit)
            return MergedCalls([pager(row_limit, part) for part in either], order, row_limit)

        return await print_list(start, rows, columns, zone=zone, limit=limit)

    return run_with_client(connection, work)


def _columns(rows: ListOptions, extend: tuple[Any, ...]) -> tuple[ListColumns, tuple[Any, ...]]:
    """Return the columns, and the parts of a call that are requested for them."""
    from .columns import call_columns, parts_of
    from .list_output import ListColumns

    every = call_columns()
    chosen = rows.chosen(every)
    needed = sorted(parts_of(chosen or ()) - {*extend}, reverse=True)
    csv = [column for column in every.values() if parts_of([column]) <= {*extend}]
    return ListColumns(_table_columns(every, extend), csv, chosen), (*extend, *needed)


def _table_columns(every: dict[str, Column[Call]], parts: tuple[str, ...]) -> list[Column[Call]]:
    titles = {
        "id": "ID",
        "date": "Date",
        "status": "Status",
        "caller": "Caller",
        "callee": "Callee",
        "answer_duration": "Talk, s",
        "script_name": "Script",
        "source_display_name": "Source",
    }
    if "visit" in parts:
        titles["geo_city"] = "City"
    if "order" in parts:
        titles["order_id"] = "Order"
    return [
        every[name]._replace(title=title, full=name not in _CUT) for name, title in titles.items()
    ]
