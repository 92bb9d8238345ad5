"""The commands that list: calls, phones, scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from . import options, output
from .running import run

if TYPE_CHECKING:
    from ..client import Roistat
    from ..models.calls import Call
    from ..models.phones import Phone
    from ..models.scripts import Script
    from ..paging.pager import Pager

_ROWS_ON_A_TERMINAL = 50
_JSON = click.option("--json", "as_json", is_flag=True, help="NDJSON, as into a pipe.")
_FILTER = click.option(
    "--filter", "filters", multiple=True, metavar="'FIELD OP VALUE'", help="May be repeated."
)
_LIMIT = click.option("--limit", type=click.IntRange(0), help="How many rows at the most.")
_PAGE_SIZE = click.option(
    "--page-size", type=click.IntRange(1), default=1000, show_default=True, help="Rows a request."
)
_ON_BAD_RECORD = click.option(
    "--on-bad-record",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="What to do with a row that cannot be read.",
)

_CALL_HEADINGS = ("id", "date", "caller", "callee", "status", "s", "channel", "comment")
_PHONE_HEADINGS = ("id", "phone", "script", "external", "calls", "last use")
_SCRIPT_HEADINGS = ("id", "name", "type", "enabled", "calls", "created")


@click.command
@options.connection
@options.period
@click.option("--extend", default="", metavar="visit,order", help="What else to ask for.")
@_FILTER
@click.option("--sort", default="date:desc", show_default=True, metavar="FIELD:asc|desc")
@_LIMIT
@_PAGE_SIZE
@_ON_BAD_RECORD
@_JSON
def calls(
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    period_text: str | None,
    last: str | None,
    tz: str,
    extend: str,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    page_size: int,
    on_bad_record: Literal["raise", "skip"],
    as_json: bool,
) -> None:
    """List calls: a table on a terminal, NDJSON into a pipe."""
    conditions = options.read_filters(filters, options.read_zone(tz))
    period = options.read_period(period_text, last, tz)
    if period is not None:
        conditions += options.inside(period)
    client = options.open_client(base_url, project, api_key_file)

    def pager(most: int | None) -> Pager[Call]:
        return client.calls.list(
            filters=conditions,
            extend=[part for part in extend.split(",") if part],
            sort=options.read_sort(sort),
            page_size=page_size,
            limit=most,
            on_bad_record=on_bad_record,
        )

    run(_show(client, pager, limit, as_json, _CALL_HEADINGS, _call_row))


@click.command
@options.connection
@_FILTER
@click.option("--sort", default="id:asc", show_default=True, metavar="FIELD:asc|desc")
@_LIMIT
@_PAGE_SIZE
@_ON_BAD_RECORD
@_JSON
def phones(
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    filters: tuple[str, ...],
    sort: str,
    limit: int | None,
    page_size: int,
    on_bad_record: Literal["raise", "skip"],
    as_json: bool,
) -> None:
    """List phone numbers: a table on a terminal, NDJSON into a pipe."""
    conditions = options.read_filters(filters, options.read_zone("UTC"))
    client = options.open_client(base_url, project, api_key_file)

    def pager(most: int | None) -> Pager[Phone]:
        return client.phones.list(
            filters=conditions,
            sort=options.read_sort(sort),
            page_size=page_size,
            limit=most,
            on_bad_record=on_bad_record,
        )

    run(_show(client, pager, limit, as_json, _PHONE_HEADINGS, _phone_row))


@click.command
@options.connection
@click.option("--deleted/--existing", "is_deleted", default=None, help="Only these.")
@_JSON
def scripts(
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    is_deleted: bool | None,
    as_json: bool,
) -> None:
    """List scripts: a table on a terminal, NDJSON into a pipe."""
    client = options.open_client(base_url, project, api_key_file)

    async def show() -> None:
        async with client as roistat:
            found = await roistat.scripts.list(is_deleted=is_deleted)
        if output.wants_json(as_json):
            output.write_json(found)
        else:
            output.write_table(_SCRIPT_HEADINGS, [_script_row(script) for script in found])

    run(show())


async def _show(
    client: Roistat,
    make_pager: Callable[[int | None], Pager[Any]],
    limit: int | None,
    as_json: bool,
    headings: Sequence[str],
    row: Callable[[Any], Sequence[object]],
) -> None:
    in_json = output.wants_json(as_json)
    most = limit if in_json or limit is not None else _ROWS_ON_A_TERMINAL
    pager = make_pager(most)
    rows: list[Sequence[object]] = []
    total = None
    async with client:
        async for page in pager.pages():
            total = page.total
            if in_json:
                output.write_json(page.items)
            else:
                rows.extend(row(item) for item in page.items)
    if not in_json:
        output.write_table(headings, rows)
    _tell(len(rows), total, pager, is_cut=not in_json and limit is None)


def _tell(shown: int, total: int | None, pager: Pager[Any], *, is_cut: bool) -> None:
    if is_cut and total is not None and total > shown:
        click.echo(f"{shown} of about {total}; --limit shows more", err=True)
    for bad in pager.bad_records:
        click.echo(f"skipped: {bad.problem} at [{bad.index}]{bad.path}", err=True)


def _call_row(call: Call) -> Sequence[object]:
    source = (call.visit and call.visit.source) or call.static_source
    channel = source and (source.display_name or source.system_name)
    return (
        call.id,
        call.date,
        call.caller,
        call.callee,
        call.status,
        call.duration,
        channel,
        call.comment,
    )


def _phone_row(phone: Phone) -> Sequence[object]:
    script = phone.script.name if phone.script is not None else phone.script_id
    return (
        phone.id,
        phone.phone,
        script,
        _yes(phone.is_external),
        phone.call_count,
        phone.last_use_date,
    )


def _script_row(script: Script) -> Sequence[object]:
    return (
        script.id,
        script.name,
        script.options.calltracking_type or "",
        _yes(script.is_enabled),
        script.call_count,
        script.creation_date,
    )


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"
