"""What tests of whole runs share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sync.live import Live, living


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Run a server of 300 calls, about six days of them, beside an empty folder."""
    async with living(tmp_path / "calls.db") as found:
        yield found
