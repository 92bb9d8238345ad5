"""Times of several functions in turn, so that a slow phase of the machine affects all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

from attrs import frozen

RATIO = "x"


@frozen
class Ratio:
    """Row of the table: ours over a peer's, round by round; lower is better.

    Where `unit` is not "x" there is no peer: the rounds are what was measured, in that unit.
    """

    what: str
    peer: str
    goal: float | None
    rounds: tuple[float, ...]
    unit: str = RATIO

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return median(self.rounds)

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return None if self.goal is None else self.median <= self.goal

    def row(self) -> str:
        """Return the line of the table."""
        goal = "" if self.goal is None else formatted(self.goal)
        met = {None: "", True: "met", False: "MISSED"}[self.is_met]
        figures = (self.median, min(self.rounds), max(self.rounds))
        columns = "".join(f"{formatted(figure):>9}" for figure in figures)
        name = f"{self.what:<40} {self.peer:<28} {self.unit:<4}"
        return f"{name} {goal:>6}{columns} {len(self.rounds):>6} {met}".rstrip()


HEADER = (
    f"{'what':<40} {'peer':<28} {'unit':<4} {'goal':>6}"
    f"{'median':>9}{'min':>9}{'max':>9} {'rounds':>6}"
)


def formatted(figure: float) -> str:
    """Return a figure with its significant digits."""
    if figure < 0.1:
        return f"{figure:.3f}"
    return f"{figure:.2f}" if figure < 100 else f"{figure:.0f}"


def interleaved(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of each function in each round; one uncounted round comes first.

    With `time.process_time` they are CPU seconds: other programs disturb those less. Garbage is
    collected before each, but not among what was there before: looking through all modules would
    empty the caches of the processor.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    gc.freeze()
    for index in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            started = clock()
            result = way()
            spent = clock() - started
            del result
            if index:
                seconds[name].append(spent)
    gc.unfreeze()
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
    return Ratio(what, peer, goal, tuple(own / other for own, other in pairs))


def missing(peer: str) -> None:
    """Print that a peer is not installed and so not measured."""
    print(f"{peer} is not installed: left out")
