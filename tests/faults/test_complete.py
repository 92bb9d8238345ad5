"""Every row of the matrix has a test, and none is put off."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROWS = [line.split(" ", 1)[0] for line in (FOLDER / "matrix.txt").read_text().splitlines()]
_NUMBER = re.compile(r"(?:^|_|\[|-| )([TtHhJjPpSs][0-9]+)(?=_|\]| |-|$)")


@pytest.fixture(scope="module")
def tested() -> set[str]:
    """Give the rows that the names and ids of the collected tests name."""
    command = [sys.executable, "-m", "pytest", str(FOLDER), "--collect-only", "-q"]
    found = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--deselect", f"{FOLDER.name}/test_complete.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        cwd=FOLDER.parent.parent,
    )
    return set(_rows(found.stdout))


def _rows(listing: str) -> Iterator[str]:
    for line in listing.splitlines():
        _, _, test = line.partition("::")
        if "test_complete" not in line:
            yield from (number.upper() for number in _NUMBER.findall(test))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test(row: str, tested: set[str]) -> None:
    """By its number, in a test's name or in its id."""
    assert row in tested


def test_the_list_is_whole() -> None:
    """No number is left out and none stands twice."""
    counts = {"T": 30, "H": 10, "J": 26, "P": 13}
    whole = [f"{letter}{n}" for letter, most in counts.items() for n in range(1, most + 1)]
    assert [row for row in ROWS if row[0] in counts] == whole
    assert len(set(ROWS)) == len(ROWS)


def test_nothing_is_put_off() -> None:
    """No test of a row is skipped or expected to fail."""
    for path in FOLDER.glob("*.py"):
        words = path.read_text()
        assert path == Path(__file__) or not re.search(r"\bxfail|\bskip(if)?\(", words), path.name
