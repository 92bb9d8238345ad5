"""Settings for all tests: how generated tests run, and which tests are slow."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import settings

from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers import browser as chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser

# Without a deadline, since a slow machine is no failure. Without a database, so that no test writes
# into the checkout.
settings.register_profile("full", deadline=None, database=None)
settings.register_profile("quick", settings.get_profile("full"), max_examples=10)
settings.register_profile("long", settings.get_profile("full"), max_examples=500)
settings.load_profile("full")  # `nox -s quick` and --hypothesis-profile=long select others

_FOLDER = Path(__file__).parent
# The fault matrix, killed processes and thousands of simulations: one run of CI needs them once.
_SLOW = ("faults", "lifecycle", "sync/test_kill.py", "paging/test_history_simulations.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in the paths above as slow, and refuse names that hold an address."""
    for item in items:
        if " at 0x" in item.nodeid:  # pytest-xdist needs the same names in each process
            raise pytest.UsageError(f"give the case an id of its own: {item.nodeid}")
    slow = {_FOLDER / path for path in _SLOW}
    for item in items:
        if not slow.isdisjoint((item.path, *item.path.parents)):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run slow tests without coverage, which doubles their time; the others reach the same code."""
    if item.get_closest_marker("slow") is None:
        return (yield)
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    with pytest.MonkeyPatch.context() as patch:
        _start_untraced_processes(patch)
        result = yield
    sys.settrace(tracers[0])
    threading.settrace(tracers[1])
    return result


def _start_untraced_processes(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Clear the umask, as some services do."""
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.fixture
def untraced_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start other programs without coverage: it doubles their time, and killed ones save none."""
    _start_untraced_processes(monkeypatch)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Fake server with 20 calls and without request limits; a folder may have one of its own."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=20, quirks=quirks) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Yield a headless Chromium for the tests of a module that are marked `in_browser`."""
    async with chromium.running() as running:
        yield running
