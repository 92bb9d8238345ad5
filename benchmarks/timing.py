"""Measure several ways in turn, so that a slow moment of the machine hits them all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

from attrs import frozen


@frozen
class Ratio:
    """Be our time over a peer's, round by round."""

    what: str
    peer: str
    goal: float | None
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)

    def row(self) -> str:
        """Write one line of the table."""
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        return (
            f"{self.what:<28} {self.peer:<24} {goal:>6} {self.median:>7.2f} "
            f"{min(self.rounds):>6.2f} {max(self.rounds):>6.2f} {len(self.rounds):>6}"
        )


HEADER = f"{'what':<28} {'peer':<24} {'goal':>6} {'median':>7} {'min':>6} {'max':>6} {'rounds':>6}"


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Give the seconds of each way in each round; one uncounted round comes first."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            started = time.perf_counter()
            kept = way()
            spent = time.perf_counter() - started
            del kept
            if turn:
                seconds[name].append(spent)
    return seconds


def ratio(
    what: str,
    seconds: Mapping[str, list[float]],
    ours: str,
    peer: str,
    goal: float | None,
) -> Ratio:
    """Divide our seconds by a peer's of the same round."""
    pairs = zip(seconds[ours], seconds[peer], strict=True)
    return Ratio(what, peer, goal, tuple(mine / theirs for mine, theirs in pairs))
