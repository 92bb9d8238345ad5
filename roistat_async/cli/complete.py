"""Completion of values in a shell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def complete_names(names: Callable[[], Sequence[str]]) -> Completer:
    """Return a completer of names that are separated by commas, each once."""

    def complete(
        ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before, comma, name = incomplete.rpartition(",")
        used = before.lower().split(",")
        return [
            CompletionItem(f"{before}{comma}{known}")
            for known in names()
            if known.lower().startswith(name.lower()) and known.lower() not in used
        ]

    return complete
