"""Tests that the fault matrix and the tests of its rows name each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / "docs" / "fault-matrix.md"
FOLDERS = ("faults", "files", "lifecycle")
"""The folders of tests that are named after rows."""

_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| `([^`]+)` \|$", re.MULTILINE)
_WITHDRAWN = re.compile(r"^- \*\*([A-Z]\d+)\*\*", re.MULTILINE)
_TEST_NAME = re.compile(r"\bdef test((?:_[a-z]\d+)+)_[a-z]")
_PARAMETER = re.compile(r"""["']([A-Z]\d+)["' ]""")

ROWS = {match[1]: match[4] for match in _ROW.finditer(MATRIX.read_text(encoding="utf-8"))}


def _named_rows(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for names in _TEST_NAME.findall(text):
        yield from names.upper().strip("_").split("_")
    yield from _PARAMETER.findall(text)


@pytest.mark.parametrize("row", ROWS)
def test_row_is_named_by_its_test(row: str) -> None:
    """The test file of a row exists and names the row."""
    path = ROOT / ROWS[row]
    docstring = re.compile(rf"\b{row}\b")
    assert row in set(_named_rows(path)) or docstring.search(path.read_text(encoding="utf-8"))


def test_no_test_names_a_missing_row() -> None:
    """A row that a test names stands in the matrix."""
    letters = {row[0] for row in ROWS}
    named = {
        row
        for folder in FOLDERS
        for path in (ROOT / "tests" / folder).glob("*.py")
        for row in _named_rows(path)
        if row[0] in letters
    }
    withdrawn = set(_WITHDRAWN.findall(MATRIX.read_text(encoding="utf-8")))
    assert named - withdrawn <= ROWS.keys()


def test_rows_are_numbered_without_a_gap() -> None:
    """No number is missing, unless the matrix names it as withdrawn, and none stands twice."""
    text = MATRIX.read_text(encoding="utf-8")
    ids = [match[1] for match in _ROW.finditer(text)] + _WITHDRAWN.findall(text)
    assert len(set(ids)) == len(ids)
    for letter in {row[0] for row in ids}:
        numbers = sorted(int(row[1:]) for row in ids if row[0] == letter)
        assert numbers == list(range(1, len(numbers) + 1))
