"""What only some machines can do: mount a disk, and let system calls fail on request.

A test of what is not available is skipped, and the end of the run lists the reason.
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
def mounted(path: Path, *options: str) -> Iterator[Path]:
    """Mount a disk at a path; skip the test if that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("NOT TESTED HERE: a disk of its own needs Linux and root")
    path.mkdir()
    problem = command("mount", *options, str(path))
    if problem:
        pytest.skip(f"NOT TESTED HERE: mount failed ({problem})")
    try:
        yield path
    finally:
        command("umount", "--lazy", str(path))


def command(*arguments: str) -> str:
    """Run a command; return its error output, which is empty if it succeeded."""
    if shutil.which(arguments[0]) is None:
        return f"there is no {arguments[0]}"
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    return (done.stderr.strip() or "it failed") if done.returncode else ""


def needs_strace() -> None:
    """Skip the test if system calls cannot be made to fail."""
    problem = _strace_problem()
    if problem:
        pytest.skip(f"NOT TESTED HERE: strace cannot inject faults ({problem})")


@cache
def _strace_problem() -> str:
    return command("strace", "-f", "-qq", "-o", os.devnull, "-e", "inject=sync:error=EIO", "true")
