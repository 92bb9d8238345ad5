"""Which fault meets which request."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from attrs import define, field

from .faults import Fault
from .recorded_request import RecordedRequest

When = Callable[[RecordedRequest], bool]


@define
class QueuedFault:
    """A fault waiting for its requests."""

    path: str
    fault: Fault
    left: int
    when: When | None = None

    def matches(self, seen: RecordedRequest) -> bool:
        """Say whether this request is one it waits for."""
        if self.left < 1 or not fnmatchcase(seen.path, f"*/{self.path.lstrip('/')}"):
            return False
        return self.when is None or self.when(seen)


@define
class FaultQueue:
    """The faults in the order they were asked for."""

    waiting: list[QueuedFault] = field(factory=list)
    used: list[tuple[RecordedRequest, Fault]] = field(factory=list)

    def add(self, path: str, fault: Fault, times: int, when: When | None) -> None:
        """Wait for requests to this path."""
        self.waiting.append(QueuedFault(path, fault, times, when))

    def take(self, seen: RecordedRequest) -> Fault | None:
        """Use up the first fault that waits for this request."""
        for one in self.waiting:
            if one.matches(seen):
                one.left -= 1
                self.used.append((seen, one.fault))
                return one.fault
        return None

    def unused(self) -> list[tuple[str, Fault, int]]:
        """Return path, fault and times for what never happened."""
        return [(one.path, one.fault, one.left) for one in self.waiting if one.left > 0]
