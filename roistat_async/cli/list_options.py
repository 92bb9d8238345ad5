"""Options of commands that list records: the form of the rows, and their columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, NamedTuple, TypeVar

import click

from .table import Column

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

Form = Literal["json", "table", "csv", "excel"]


class ListOptions(NamedTuple):
    """Form of the rows on stdout, and the text of --columns."""

    form: Form | None
    columns: str | None

    def chosen_form(self) -> Form:
        """Return the form; the default is a table on a terminal and NDJSON in a pipe."""
        return self.form or ("table" if sys.stdout.isatty() else "json")

    def chosen(self, columns: dict[str, Column[T]]) -> list[Column[T]] | None:
        """Return the columns of --columns, None without the option."""
        from .columns import select_columns

        return None if self.columns is None else select_columns(self.columns, columns)


def list_options(complete: Callable[[], Sequence[str]]) -> Callable[[F], F]:
    """Add --json, --table, --csv, --excel and --columns; the command takes `rows`."""
    return lambda command: _add_options(command, complete)


def _add_options(command: F, complete: Callable[[], Sequence[str]]) -> F:
    from .complete import complete_names

    @click.option("--table", "form", flag_value="table", help="A table; default on a terminal.")
    @click.option("--json", "form", flag_value="json", help="NDJSON; default in a pipe.")
    @click.option("--csv", "form", flag_value="csv", help="CSV, with one column a field.")
    @click.option(
        "--excel", "form", flag_value="excel",
        help="CSV that Excel opens: byte order mark, semicolons, dates without offset.",
    )  # fmt: skip
    @click.option(
        "--columns", metavar="NAMES", shell_complete=complete_names(complete),
        help="Columns in this order, e.g. id,date,status; or all.",
    )  # fmt: skip
    @wraps(command)
    def wrapper(form: Form | None, columns: str | None, **options: Any) -> Any:
        return command(rows=ListOptions(form, columns), **options)

    return wrapper  # type: ignore[return-value]  # click reads the options, not the signature
