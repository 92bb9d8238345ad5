"""Tests that run the tutorials as a newcomer does: every block, in order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Quirks

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
# A block with a title is the file of that name.
_BLOCK = re.compile(
    r'^```(bash|python)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL
)
_SETUP = re.compile(r"^(?:python3 -m venv|pip install) .*$\n", re.MULTILINE)  # done for the tests
_EXTRA_MODULES = {
    "last-month": ("pandas", "altair", "vl_convert"),
    "web-application": ("fastapi", "httpx2", "uvicorn"),
}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run a fake with two projects, and return an environment that names it."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=40, quirks=quirks).in_thread() as fake:
        fake.add_project(678, calls=10)
        yield {
            **os.environ,
            "ROISTAT_BASE_URL": fake.base_url,
            "ROISTAT_API_KEY": fake.api_key,
            "ROISTAT_PROJECT": str(fake.project),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "error",
            "PYTEST_ADDOPTS": "-p no:asyncio",  # a reader has installed no plugin of pytest
        }


@pytest.mark.slow
@pytest.mark.usefixtures("untraced_processes")
@pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_run_from_top_to_bottom(
    page: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Every command and program of a tutorial succeeds."""
    for module in _EXTRA_MODULES.get(page.stem, ()):
        pytest.importorskip(module, reason=f"{module} is missing: install test-integrations")
    blocks = _BLOCK.findall(_SETUP.sub("", page.read_text(encoding="utf-8")))
    assert blocks
    for language, title, code in blocks:
        if title:
            (tmp_path / title).write_text(code, encoding="utf-8")
            continue
        command = ["bash", "-e", "-c", code] if language == "bash" else [sys.executable, "-c", code]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, f"{code}\n{result.stderr}"
