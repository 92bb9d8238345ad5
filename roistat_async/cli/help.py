"""`roistat help`: shows the help of a command."""

from __future__ import annotations

from difflib import get_close_matches

import click


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    group = ctx.find_root().command
    names = group.list_commands(ctx) if isinstance(group, click.Group) else []
    return [name for name in names if name.startswith(incomplete)]


@click.command("help")
@click.argument("name", metavar="[COMMAND]", required=False, shell_complete=_complete)
@click.pass_context
def command(ctx: click.Context, name: str | None) -> None:
    """Show the help of COMMAND, or the list of all commands.

    \b
    roistat help
    roistat help calls
    """
    root = ctx.find_root()
    if name is None:
        click.echo(root.get_help())
        return
    group = root.command
    assert isinstance(group, click.Group)
    topic = group.get_command(root, name)
    if topic is None:
        close = get_close_matches(name, group.list_commands(root), n=1)
        advice = f"did you mean {close[0]}?" if close else "roistat help lists all commands"
        raise click.UsageError(f"no such command {name!r}; {advice}")
    with click.Context(topic, info_name=name, parent=root) as context:
        click.echo(topic.get_help(context))
