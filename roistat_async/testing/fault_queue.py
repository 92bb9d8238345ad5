"""Which fault meets which request."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from attrs import define, field

from .faults import Fault
from .recorded_request import Seen

When = Callable[[Seen], bool]


@define
class Scripted:
    """A fault waiting for its requests."""

    path: str
    fault: Fault
    left: int
    when: When | None = None

    def meets(self, seen: Seen) -> bool:
        """Say whether this request is one it waits for."""
        if self.left < 1 or not fnmatchcase(seen.path, f"*/{self.path.lstrip('/')}"):
            return False
        return self.when is None or self.when(seen)


@define
class FaultScript:
    """The faults in the order they were asked for."""

    waiting: list[Scripted] = field(factory=list)
    used: list[tuple[Seen, Fault]] = field(factory=list)

    def add(self, path: str, fault: Fault, times: int, when: When | None) -> None:
        """Wait for requests to this path."""
        self.waiting.append(Scripted(path, fault, times, when))

    def take(self, seen: Seen) -> Fault | None:
        """Use up the first fault that waits for this request."""
        for one in self.waiting:
            if one.meets(seen):
                one.left -= 1
                self.used.append((seen, one.fault))
                return one.fault
        return None

    def unused(self) -> list[tuple[str, Fault, int]]:
        """Return path, fault and times for what never happened."""
        return [(one.path, one.fault, one.left) for one in self.waiting if one.left > 0]
