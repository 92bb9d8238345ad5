"""Tests that the fault matrix and the tests of its rows name each other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "fault-matrix.md").read_text(encoding="utf-8")
FOLDERS = ("faults", "lifecycle")  # whose tests are named after rows

_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| `([^`]+)` \|$", re.MULTILINE)
_WITHDRAWN = re.compile(r"^- \*\*([A-Z]\d+)\*\*", re.MULTILINE)
_TEST_NAME = re.compile(r"\btest((?:_[a-z]\d+)+)_[a-z]")
_PARAMETER = re.compile(r"""["'\[-]([A-Z]\d+(?: [A-Z]\d+)*)(?=["' -])""")

ROWS = {match[1]: match[4] for match in _ROW.finditer(TEXT)}
TARGETS = {path for path in ROWS.values() if Path(path).name.startswith("test_")}
TARGETS |= {f"tests/{folder}/" for folder in FOLDERS}


def _named_rows(text: str) -> set[str]:
    """Find the rows that names of tests and ids of parameters name."""
    names = [name.upper().replace("_", " ") for name in _TEST_NAME.findall(text)]
    return set(" ".join([*names, *_PARAMETER.findall(text)]).split())


def _collect() -> str:
    """Return the ids of the tests of all rows, from a process that collects them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *sorted(TARGETS)],
        capture_output=True, text=True, check=True, timeout=100, cwd=ROOT,
    ).stdout  # fmt: skip


def test_rows_are_named_by_their_tests() -> None:
    """The test file of a row exists and names the row."""
    named = {path: _named_rows((ROOT / path).read_text("utf-8")) for path in set(ROWS.values())}
    assert [row for row, path in ROWS.items() if row not in named[path]] == []


@pytest.mark.slow
@pytest.mark.usefixtures("untraced_processes")
def test_every_row_is_tested(request: pytest.FixtureRequest) -> None:
    """A test of each row is among those that pytest runs."""
    collected = [item.nodeid for item in request.session.items]
    ids = [name for name in collected if name.startswith(tuple(TARGETS))]
    missing = ROWS.keys() - _named_rows("\n".join(ids))
    if missing:  # perhaps this session was asked for some tests only
        missing -= _named_rows(_collect())
    assert missing == set()


def test_no_test_names_a_missing_row() -> None:
    """A row that a test names stands in the matrix."""
    letters = {row[0] for row in ROWS}
    paths = [path for folder in FOLDERS for path in (ROOT / "tests" / folder).rglob("*.py")]
    named = _named_rows("\n".join(path.read_text(encoding="utf-8") for path in paths))
    known = ROWS.keys() | set(_WITHDRAWN.findall(TEXT))
    assert {row for row in named - known if row[0] in letters} == set()


def test_rows_are_numbered_once() -> None:
    """No number is used twice, by two rows or by a row and a withdrawn one."""
    ids = [match[1] for match in _ROW.finditer(TEXT)] + _WITHDRAWN.findall(TEXT)
    assert sorted(set(ids)) == sorted(ids)


def test_no_fault_test_is_skipped() -> None:
    """No test of a fault on the wire is skipped or expected to fail."""
    for path in (ROOT / "tests" / "faults").glob("*.py"):
        assert not re.search(r"\bxfail|\bskip(if)?\(", path.read_text(encoding="utf-8")), path.name
