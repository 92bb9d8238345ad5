"""The command that prints a completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash, put into ~/.bashrc: eval "$(roistat completion bash)"
    """
    from .app import roistat

    kind = get_completion_class(shell)
    assert kind is not None  # click knows all three
    click.echo(kind(roistat, {}, "roistat", "_ROISTAT_COMPLETE").source())
