"""The pytest fixture `fake_roistat`; pytest imports this file in every run, so it stays light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fake import FakeRoistat


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that --strict-markers knows it."""
    config.addinivalue_line(
        "markers", "roistat(calls=200, ...): arguments of FakeRoistat for the fixture fake_roistat"
    )


@pytest.fixture
def fake_roistat(request: pytest.FixtureRequest) -> Iterator[FakeRoistat]:
    """Run a Roistat of 200 made-up calls in a thread, for one test of any asyncio mode.

    `@pytest.mark.roistat(calls=50)` sets the arguments of FakeRoistat.
    """
    from .fake import FakeRoistat

    marker = request.node.get_closest_marker("roistat")
    with FakeRoistat(**(marker.kwargs if marker else {})).in_thread() as fake:
        yield fake
