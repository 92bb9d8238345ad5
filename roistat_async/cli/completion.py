"""`roistat completion`: prints the completion script of a shell."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes words in SHELL.

    \b
    bash:  eval "$(roistat completion bash)"      in ~/.bashrc
    zsh:   eval "$(roistat completion zsh)"       in ~/.zshrc
    fish:  roistat completion fish | source       in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        # click reads this environment variable in `roistat` itself.
        maker = kind(ctx.find_root().command, {}, "roistat", "_ROISTAT_COMPLETE")
        click.echo(maker.source())
