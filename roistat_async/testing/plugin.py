"""The pytest fixture `fake_roistat`; pytest imports this file in every run, so it stays light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fake import FakeRoistat


@pytest.fixture
def fake_roistat() -> Iterator[FakeRoistat]:
    """Run a Roistat of 200 made-up calls in a thread, for one test of any asyncio mode."""
    from .fake import FakeRoistat

    with FakeRoistat().in_thread() as fake:
        yield fake
