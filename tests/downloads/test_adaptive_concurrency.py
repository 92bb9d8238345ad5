"""How many recordings are asked for at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import errors
from roistat_async.downloads.adaptive_concurrency import FIRST, Pace

TROUBLE = [
    errors.NotSentError("no connection"),
    errors.RateLimitError("request_limit_error", "slow down"),
    errors.RequestTimeoutError("silence", phase="idle", seconds=1.0),
]


class Server:
    """Send files of so many bytes, and take as long for all of those asked for at once."""

    def __init__(self, most: int, full_at: int = 1000) -> None:
        self.now = 0.0
        self.pace = Pace(most, lambda: self.now)
        self._full_at = full_at

    def save(self, count: int) -> int:
        """Save files; give how many are then asked for at once."""
        for _ in range(count):
            self.now += 1 / min(self.pace.places, self._full_at)
            self.pace.saved(1000)
        return self.pace.places


def test_eight_at_once_within_a_dozen_files() -> None:
    """A healthy server is not kept waiting."""
    server = Server(8)
    assert server.pace.places == FIRST
    assert server.save(12) == 8


def test_more_is_asked_for_only_while_it_is_faster() -> None:
    """A server that gives no more to thirty-two than to eight is asked by few more than eight."""
    assert Server(64).save(1000) == 64
    assert 8 <= Server(64, full_at=8).save(1000) <= 17


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
def test_trouble_halves_once_for_those_under_way(error: errors.RoistatError) -> None:
    """Eight that are refused together are one refusal."""
    server = Server(8)
    server.save(20)
    for _ in range(8):
        server.pace.failed(error)
    assert server.pace.places == 4
    server.save(4)
    server.pace.failed(error)
    assert server.pace.places == 2


def test_what_is_no_trouble_of_the_server_changes_nothing() -> None:
    """A recording that is not to be had says nothing about speed."""
    server = Server(8)
    server.save(20)
    server.pace.failed(errors.ContentError("HTML came"))
    assert server.pace.places == 8


steps = st.lists(st.one_of(st.just(None), st.sampled_from(TROUBLE), st.floats(0, 100)), max_size=60)


@given(st.integers(1, 40), steps)
def test_it_stays_in_its_bounds_and_recovers(most: int, steps: list[object]) -> None:
    """From 1 to `most` whatever happens; after trouble it comes back to what was proved good."""
    server = Server(most)
    best = server.pace.places
    for step in steps:
        if isinstance(step, errors.RoistatError):
            server.pace.failed(step)
        else:
            server.now += step if isinstance(step, float) else 0.0
            server.pace.saved(1000)
        assert 1 <= server.pace.places <= most
        best = max(best, server.pace.places)
    assert best <= server.save(most * most + most) <= most
