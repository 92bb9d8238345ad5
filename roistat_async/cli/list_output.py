"""Output of a list on stdout: streamed as NDJSON or CSV, or its first rows as a table."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from . import exit_codes
from .csv_output import CsvOutput
from .list_options import ListOptions
from .output import write_json
from .progress import progress, should_show_progress
from .table import Column, write_table
from .text import print_error

if TYPE_CHECKING:
    from .. import BadRecord
    from ..models.page import Page

T = TypeVar("T")

SHOWN = 50
"""Rows of a table without --limit."""
_BATCH = 500
_NAMED_BAD = 3


class PageSource(Protocol[T]):
    """Pager, or another source of pages."""

    bad_records: list[BadRecord]

    def pages(self) -> AsyncGenerator[Page[T], None]:
        """Iterate over the pages."""


class ListColumns(NamedTuple):
    """Columns of a list: those of a table, those of CSV, and those that --columns chose."""

    table: Sequence[Column[Any]]
    csv: Sequence[Column[Any]]
    chosen: Sequence[Column[Any]] | None


async def print_list(
    start: Callable[[int | None], PageSource[T]],
    rows: ListOptions,
    columns: ListColumns,
    *,
    zone: tzinfo,
    limit: int | None,
) -> int:
    """Print the rows of `start(limit)`, and report records that could not be read."""
    form = rows.chosen_form()
    if form == "table":
        # One row more than is shown tells whether there are more.
        pager = start(SHOWN + 1 if limit is None else limit)
        shown = SHOWN if limit is None else limit
        await _print_table(pager, columns.chosen or columns.table, zone, shown=shown)
    else:
        pager = start(limit)
        await _stream(pager, _writer(form, columns, zone))
    return report_bad_records(pager.bad_records)


def print_rows(
    items: Sequence[T], rows: ListOptions, columns: ListColumns, *, zone: tzinfo
) -> None:
    """Print the rows of a list that comes as a whole."""
    form = rows.chosen_form()
    if form != "table":
        _writer(form, columns, zone)(items)
        return
    if items:
        _print_hidden(write_table(items, columns.chosen or columns.table, zone))
    else:
        print_error("nothing found")


def _writer(form: str, columns: ListColumns, zone: tzinfo) -> Callable[[Sequence[Any]], None]:
    if form != "json":
        chosen = columns.chosen or columns.csv
        return CsvOutput(chosen, zone, for_excel=form == "excel").write
    if columns.chosen is None:
        return write_json
    chosen = columns.chosen
    return lambda rows: write_json(
        {column.name: column.value(row) for column in chosen} for row in rows
    )


async def _stream(pager: PageSource[T], write: Callable[[Sequence[T]], None]) -> None:
    shown, done = should_show_progress(stdout_is_free=False), 0
    # Closed before the client: if the reader leaves early, requests are still running.
    with progress("Listing", shown=shown) as advance:
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                write(page.items)
                done += len(page.items)
                advance(done, page.total)


async def _print_table(
    pager: PageSource[T], columns: Sequence[Column[T]], zone: tzinfo, *, shown: int
) -> None:
    done, total = 0, None
    hidden: dict[str, None] = {}
    async with aclosing(pager.pages()) as pages, aclosing(_batches(pages)) as batches:
        async for rows, total in batches:  # noqa: B007  # read after the loop
            # Batch by batch: a million rows must not wait for the width of the last.
            hidden |= dict.fromkeys(write_table(rows[: shown - done], columns, zone))
            done += len(rows)
    _print_hidden([*hidden])
    if done > shown:
        of = f" of {total:,}" if total else ""
        print_error(f"the first {shown}{of}; --limit shows more, --json or a pipe shows all")
    elif done == 0:
        print_error("nothing found")


def _print_hidden(names: Sequence[str]) -> None:
    if names:
        print_error(
            f"the terminal is too narrow for: {', '.join(names)}",
            "Choose with --columns, or use --csv or --json",
        )


async def _batches(
    pages: AsyncIterator[Page[T]],
) -> AsyncGenerator[tuple[list[T], int | None], None]:
    rows: list[T] = []
    total = None
    async for page in pages:
        rows, total = rows + page.items, page.total
        while len(rows) > _BATCH:
            yield rows[:_BATCH], total
            rows = rows[_BATCH:]
    if rows:
        yield rows, total


def report_bad_records(bad: Sequence[BadRecord]) -> int:
    """Print how many records were skipped and the first of them; return the exit code."""
    if not bad:
        return exit_codes.DONE
    print_error(f"skipped {len(bad)} unreadable records, e.g.:")
    for record in bad[:_NAMED_BAD]:
        print_error(f"{record.path}: {record.problem}")
    return exit_codes.PARTIAL
