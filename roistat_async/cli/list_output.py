"""Output of a list on stdout: streamed as NDJSON, or its first rows as a table."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from . import exit_codes
from .output import Column, write_json, write_table
from .progress import progress, should_show_progress
from .text import print_error

if TYPE_CHECKING:
    from .. import BadRecord
    from ..models.page import Page
    from ..paging.pager import Pager

T = TypeVar("T")

SHOWN = 50
"""Rows of a table without --limit."""
_BATCH = 500
_NAMED_BAD = 3


async def print_list(
    start: Callable[[int | None], Pager[T]],
    columns: Sequence[Column[T]],
    *,
    as_json: bool,
    limit: int | None,
) -> int:
    """Print the rows of `start(limit)`, and report records that could not be read."""
    if as_json:
        pager = start(limit)
        await _stream(pager)
    else:
        # One row more than is shown tells whether there are more.
        pager = start(SHOWN + 1 if limit is None else limit)
        await _print_table(pager, columns, shown=SHOWN if limit is None else limit)
    return report_bad_records(pager.bad_records)


async def _stream(pager: Pager[T]) -> None:
    shown, done = should_show_progress(stdout_is_free=False), 0
    # Closed before the client: if the reader leaves early, requests are still running.
    with progress("Listing", shown=shown) as advance:
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                write_json(page.items)
                done += len(page.items)
                advance(done, page.total)


async def _print_table(pager: Pager[T], columns: Sequence[Column[T]], *, shown: int) -> None:
    done, total = 0, None
    async with aclosing(pager.pages()) as pages, aclosing(_batches(pages)) as batches:
        async for rows, total in batches:  # noqa: B007  # read after the loop
            # Batch by batch: a million rows must not wait for the width of the last.
            write_table(rows[: shown - done], columns)
            done += len(rows)
    if done > shown:
        of = f" of {total:,}" if total else ""
        print_error(f"the first {shown}{of}; --limit shows more, --json or a pipe shows all")
    elif done == 0:
        print_error("nothing found")


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
