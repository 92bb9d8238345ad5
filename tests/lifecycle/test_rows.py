"""The table of faults is complete: asyncio and lifecycle."""

from __future__ import annotations

from pathlib import Path

from tests.files.rows import numbered, rows_of


def test_every_row_has_a_test() -> None:
    """A row that loses its last test is missed."""
    assert rows_of(Path(__file__).parent) >= numbered("A", *range(1, 10))
