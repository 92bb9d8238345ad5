"""Tests that run the tutorials as a newcomer does: every block, in order, in one folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async.cli.app import run
from roistat_async.testing import FakeRoistat

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
# A block with a title is the file of that name.
_BLOCK = re.compile(
    r'^```(bash|python)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL
)
_SETUP = re.compile(r"^(?:python3 -m venv|pip install) .*$\n", re.MULTILINE)  # done for the tests
_COMMAND = re.compile(r"roistat [^|&;<>$]*")  # without syntax of the shell
_EXTRA_MODULES = {
    "last-month": ("pandas", "altair", "vl_convert"),
    "web-application": ("fastapi", "httpx2", "uvicorn"),
}


@pytest.fixture
def folder(tmp_path: Path, roistat_env: FakeRoistat, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into an empty folder, with the commands on the path and two projects in the fake."""
    roistat_env.add_project(678, calls=10)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio")  # a reader has installed no plugin
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("untraced_processes")
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # the program ends there
@pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_run_from_top_to_bottom(page: Path, folder: Path) -> None:
    """Every command and program of a tutorial succeeds."""
    for module in _EXTRA_MODULES.get(page.stem, ()):
        pytest.importorskip(module, reason=f"{module} is missing: install test-integrations")
    blocks = _BLOCK.findall(_SETUP.sub("", page.read_text(encoding="utf-8")))
    assert blocks
    for language, title, code in blocks:
        if title:
            (folder / title).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, page.name, "exec"), {"__name__": "__main__"})
        else:
            for line in code.replace("\\\n", "").splitlines():
                _run(line)


def _run(line: str) -> None:
    """Run a line of a shell; our own commands run in this process, which takes less time."""
    if _COMMAND.fullmatch(line):
        assert run(shlex.split(line)[1:]) == 0, line
        return
    command = ["bash", "-e", "-c", line]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, f"{line}\n{result.stderr}"
