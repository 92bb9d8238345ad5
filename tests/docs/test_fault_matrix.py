"""Tests that the fault matrix and the tests of its rows name each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "fault-matrix.md").read_text(encoding="utf-8")
FOLDERS = ("faults", "lifecycle")
"""The folders of tests that are named after rows."""

_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| `([^`]+)` \|$", re.MULTILINE)
_WITHDRAWN = re.compile(r"^- \*\*([A-Z]\d+)\*\*", re.MULTILINE)
_TEST_NAME = re.compile(r"\btest((?:_[a-z]\d+)+)_[a-z]")
_PARAMETER = re.compile(r"""["'\[-]([A-Z]\d+(?: [A-Z]\d+)*)(?=["' -])""")

ROWS = {match[1]: match[4] for match in _ROW.finditer(TEXT)}


def _named_rows(text: str) -> Iterator[str]:
    """Find the rows that names of tests and ids of parameters name."""
    for names in _TEST_NAME.findall(text):
        yield from names.upper().strip("_").split("_")
    for rows in _PARAMETER.findall(text):
        yield from rows.split()


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Return the rows that are named by the tests that pytest collects."""
    targets = {path for path in ROWS.values() if Path(path).name.startswith("test_")}
    targets |= {f"tests/{folder}" for folder in FOLDERS}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *sorted(targets)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        cwd=ROOT,
        # Not under coverage, which doubles the time of reading all tests.
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
    )
    return set(_named_rows(result.stdout))


@pytest.mark.parametrize("row", ROWS)
def test_row_is_named_by_its_test(row: str) -> None:
    """The test file of a row exists and names the row."""
    assert row in set(_named_rows((ROOT / ROWS[row]).read_text(encoding="utf-8")))


@pytest.mark.slow
def test_every_row_is_tested(collected: set[str]) -> None:
    """A test of each row is among those that pytest runs."""
    assert ROWS.keys() - collected == set()


def test_no_test_names_a_missing_row() -> None:
    """A row that a test names stands in the matrix."""
    letters = {row[0] for row in ROWS}
    named = {
        row
        for folder in FOLDERS
        for path in (ROOT / "tests" / folder).rglob("*.py")
        for row in _named_rows(path.read_text(encoding="utf-8"))
        if row[0] in letters
    }
    assert named - set(_WITHDRAWN.findall(TEXT)) <= ROWS.keys()


def test_rows_are_numbered_once() -> None:
    """No number is used twice, by two rows or by a row and a withdrawn one."""
    ids = [match[1] for match in _ROW.finditer(TEXT)] + _WITHDRAWN.findall(TEXT)
    assert sorted(set(ids)) == sorted(ids)


def test_no_fault_test_is_skipped() -> None:
    """No test of a fault on the wire is skipped or expected to fail."""
    for path in (ROOT / "tests" / "faults").glob("*.py"):
        assert not re.search(r"\bxfail|\bskip(if)?\(", path.read_text(encoding="utf-8")), path.name
