"""The table of faults is complete: recordings, files and processes, secrets."""

from __future__ import annotations

from pathlib import Path

from tests.files.rows import numbered, rows_of

# D7 to D12 are about a download that is gone on with; S1 and S6 are H6, and D13 with D14.
DOWNLOADS = numbered("D", *range(1, 7), *range(13, 17))
FILES = numbered("F", *range(1, 11))
SECURITY = numbered("S", *range(2, 6), *range(7, 10))


def test_every_row_has_a_test() -> None:
    """A row that loses its last test is missed."""
    assert rows_of(Path(__file__).parent) >= DOWNLOADS | FILES | SECURITY
