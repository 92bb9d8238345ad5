"""`roistat completion`: prints the completion script of a shell."""

from __future__ import annotations

import click

# What is wrong in the scripts of click.
_CORRECTIONS = {
    # fish: a value is cut at its first comma, as in id,date.
    'string split ","': 'string split --max 1 ","',
    # zsh: of a file in fpath, the second completion of a session fails.
    "$zsh_eval_context[-1] == loadautofunc": "$funcstack[1] == _roistat",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes words in SHELL: bash, zsh or fish.

    A shell reads it at its start from the files below (zsh: if `fpath=(~/.zfunc $fpath)` comes
    before `compinit` in ~/.zshrc). It completes commands, options, columns, statuses and profiles.
    For one session: eval "$(roistat completion bash)".

    \b
    roistat completion bash > ~/.local/share/bash-completion/completions/roistat
    roistat completion zsh > ~/.zfunc/_roistat
    roistat completion fish > ~/.config/fish/completions/roistat.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        # click reads this environment variable in `roistat` itself.
        maker = kind(ctx.find_root().command, {}, "roistat", "_ROISTAT_COMPLETE")
        script = maker.source()
        for text, correction in _CORRECTIONS.items():
            script = script.replace(text, correction)
        click.echo(script)
