"""What all tests share: how generated tests run, and which are slow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a slow machine is no failure. No database: nothing is written beside the tests.
settings.register_profile("house", deadline=None, database=None)
settings.load_profile("house")

_HERE = Path(__file__).parent
# The matrix of faults, killed processes, thousands of worlds: once in a run of CI is enough.
_SLOW = ("faults", "files", "lifecycle", "sync/test_kill.py", "paging/test_history_worlds.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in the places above."""
    places = {_HERE / place for place in _SLOW}
    for item in items:
        if not places.isdisjoint((item.path, *item.path.parents)):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let every bit of a mode through, as some services do."""
    old = os.umask(0)
    yield
    os.umask(old)
