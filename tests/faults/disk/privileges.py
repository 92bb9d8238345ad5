"""What only some machines can do: disks of our own, and system calls that fail on request.

What is not to be had is skipped, and the reason is told at the end of the run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Mount a disk there; skip where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("NOT TESTED HERE: a disk of its own needs Linux and root")
    place.mkdir()
    failed = command("mount", *options, str(place))
    if failed:
        pytest.skip(f"NOT TESTED HERE: mount refused ({failed})")
    try:
        yield place
    finally:
        command("umount", "--lazy", str(place))


def command(*words: str) -> str:
    """Run a command; give what it complained of, nothing where it did what it should."""
    if shutil.which(words[0]) is None:
        return f"there is no {words[0]}"
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return (done.stderr.strip() or "it failed") if done.returncode else ""


def needs_strace() -> None:
    """Skip where system calls cannot be made to fail."""
    problem = _strace_problem()
    if problem:
        pytest.skip(f"NOT TESTED HERE: strace cannot inject faults ({problem})")


@cache
def _strace_problem() -> str:
    return command("strace", "-f", "-qq", "-o", os.devnull, "-e", "inject=sync:error=EIO", "true")
