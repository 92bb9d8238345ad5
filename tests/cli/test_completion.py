"""Completion in the real shells; those that are not installed are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("shells of POSIX", allow_module_level=True)

import pty

from roistat_async.cli.app import run

from .conftest import Roistat, read_terminal

CASES = [
    ("roistat cal", "calls"),
    ("roistat calls --colu", "--columns"),
    ("roistat calls --columns id,geo_ci", "id,geo_city"),
    ("roistat calls --status answer,BU", "answer,BUSY"),
    ("roistat calls --profile sh", "shop"),
    ("roistat --profile sh", "shop"),
    ("roistat help ana", "analytics"),
]
"""What is typed, and the word that follows it."""
IN_SHELLS = CASES[1:3]
"""Cases for the real shells: an option, and a value with a comma."""


@pytest.fixture
def home(folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with `roistat` on the path, and a profile `shop`."""
    config.parent.mkdir()
    config.write_text("[profiles.shop]\nproject = 1\n")
    program = folder / "bin" / "roistat"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m roistat_async "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def _install(shell: str, path: Path, roistat: Roistat) -> str:
    """Install the script as the help says; return the path of the shell."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    path.parent.mkdir(parents=True)
    path.write_text(roistat("completion", shell).out)
    return program


def _run(*command: str) -> list[list[str]]:
    """Run a shell; return the words of each completion."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return [words.split() for words in done.stdout.split("---\n")[:-1]]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("typed", "word"), CASES)
def test_words(
    typed: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands, options, columns, statuses and profiles are completed."""
    monkeypatch.setenv("_ROISTAT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    with pytest.raises(SystemExit) as raised:
        run([])
    assert (raised.value.code, capsys.readouterr()) == (0, (f"plain,{word}\n", ""))


_BASH = """
source ~/.local/share/bash-completion/completions/roistat
complete_line() {
    COMPREPLY=(); COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    $(complete -p roistat | sed 's/.* -F \\([^ ]*\\) .*/\\1/') roistat
    printf '%s\\n' "${COMPREPLY[@]}"
    echo ---
}
"""


def test_bash(home: Path, roistat: Roistat) -> None:
    """bash completes a line with the script."""
    path = home / ".local/share/bash-completion/completions/roistat"
    shell = _install("bash", path, roistat)
    lines = "\n".join(f"complete_line '{typed}'" for typed, _ in IN_SHELLS)
    assert _run(shell, "--norc", "-c", _BASH + lines) == [[word] for _, word in IN_SHELLS]


def test_fish(home: Path, config: Path, roistat: Roistat) -> None:
    """fish completes a line with the script."""
    shell = _install("fish", config.parents[1] / "fish/completions/roistat.fish", roistat)
    script = "\n".join(f'complete -C "{typed}"; echo ---' for typed, _ in IN_SHELLS)
    assert [words[0] for words in _run(shell, "-c", script)] == [word for _, word in IN_SHELLS]


@pytest.mark.slow
def test_zsh(home: Path, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """zsh completes a line with the script, on a terminal."""
    shell = _install("zsh", home / ".zfunc/_roistat", roistat)
    (home / ".zshrc").write_text(
        "fpath=(~/.zfunc $fpath)\nautoload -Uz compinit && compinit -u\nPS1='ready> '\n"
        'show() { print -r -- "<$BUFFER>"; BUFFER="" }\nzle -N show\nbindkey "^T" show\n'
    )
    monkeypatch.setenv("ZDOTDIR", str(home))
    monkeypatch.setenv("TERM", "dumb")
    fd, terminal = pty.openpty()
    with subprocess.Popen(
        [shell, "-i"], stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        os.close(terminal)
        read_terminal(fd, "ready> ")
        try:
            for typed, word in IN_SHELLS:
                os.write(fd, f"{typed}\t".encode())
                read_terminal(fd, word)  # zsh completes nothing while further keys wait
                os.write(fd, b"\x14")  # Ctrl-T shows the line
                read_terminal(fd, f"<{typed.rpartition(' ')[0]} {word}")
        finally:
            process.kill()
    os.close(fd)
