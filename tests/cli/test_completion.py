"""Completion in the real shells; those that are not installed are skipped."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("shells of POSIX", allow_module_level=True)

import pty

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


def _shell(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    return program


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def _install(shell: str, path: Path) -> None:
    """Install the script as the help says."""
    path.parent.mkdir(parents=True)
    path.write_text(_run("roistat", "completion", shell))


_BASH = """
source ~/.local/share/bash-completion/completions/roistat
complete_line() {
    COMPREPLY=(); COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    $(complete -p roistat | sed 's/.* -F \\([^ ]*\\) .*/\\1/') roistat
    printf '%s\\n' "${COMPREPLY[@]}"
    echo ---
}
"""


def test_bash(home: Path) -> None:
    """bash completes commands, options, columns, statuses and profiles."""
    shell = _shell("bash")
    _install("bash", home / ".local/share/bash-completion/completions/roistat")
    lines = "\n".join(f"complete_line '{typed}'" for typed, _ in CASES)
    out = _run(shell, "--norc", "-c", _BASH + lines).split("---\n")
    assert [words.split() for words in out[:-1]] == [[word] for _, word in CASES]


def test_fish(home: Path) -> None:
    """fish completes commands, options, columns, statuses and profiles."""
    shell = _shell("fish")
    _install("fish", home / ".config/fish/completions/roistat.fish")
    shutil.copytree(home / ".config/fish", Path(os.environ["XDG_CONFIG_HOME"]) / "fish")
    script = "\n".join(f'complete -C "{typed}"; echo ---' for typed, _ in CASES)
    out = _run(shell, "-c", script).split("---\n")
    assert [words.split()[0] for words in out[:-1]] == [word for _, word in CASES]


@pytest.mark.slow
def test_zsh(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zsh completes commands, options, columns, statuses and profiles on a terminal."""
    shell = _shell("zsh")
    _install("zsh", home / ".zfunc/_roistat")
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
        _read_until(fd, "ready> ")
        try:
            for typed, word in CASES:
                os.write(fd, f"{typed}\t".encode())
                time.sleep(0.3)  # zsh completes nothing while further keys wait
                os.write(fd, b"\x14")  # Ctrl-T shows the line
                _read_until(fd, f"<{typed.rpartition(' ')[0]} {word}")
        finally:
            process.kill()
    os.close(fd)


def _read_until(fd: int, text: str) -> None:
    shown = ""
    deadline = time.monotonic() + 20
    while text not in shown.replace("\r", "").replace("\b", ""):
        ready, _, _ = select.select([fd], [], [], deadline - time.monotonic())
        assert ready, f"{text!r} is not in {shown!r}"
        shown += os.read(fd, 4096).decode(errors="replace")
