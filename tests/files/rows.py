"""Which rows of the table of faults a folder of tests has."""

from __future__ import annotations

import re
from pathlib import Path

# Either a test's own name, as in `test_f1_a_full_disk`, or a row of a table: `"F1 a full disk"`.
_NAMED = re.compile(r'def test_([a-z]\d+)_|"([A-Z]\d+) [^"\n]+"')


def rows_of(folder: Path) -> set[str]:
    """Give the numbers of the rows that tests of a folder are about."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    return {(one or other).upper() for one, other in _NAMED.findall(text)}


def numbered(letter: str, *numbers: int) -> set[str]:
    """Give rows by their numbers."""
    return {f"{letter}{number}" for number in numbers}
