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
    remaining: int
    when: When | None = None

    def matches(self, request: RecordedRequest) -> bool:
        """Whether this request meets the fault."""
        if self.remaining < 1 or not fnmatchcase(request.path, f"*/{self.path.lstrip('/')}"):
            return False
        return self.when is None or self.when(request)


@define
class FaultQueue:
    """The faults in the order they were asked for."""

    waiting: list[QueuedFault] = field(factory=list)
    used: list[tuple[RecordedRequest, Fault]] = field(factory=list)

    def add(self, path: str, fault: Fault, times: int, when: When | None) -> None:
        """Wait for requests to this path."""
        self.waiting.append(QueuedFault(path, fault, times, when))

    def take(self, request: RecordedRequest) -> Fault | None:
        """Use up the first fault that waits for this request."""
        for queued in self.waiting:
            if queued.matches(request):
                queued.remaining -= 1
                self.used.append((request, queued.fault))
                return queued.fault
        return None

    def unused(self) -> list[tuple[str, Fault, int]]:
        """Return path, fault and times for what never happened."""
        return [
            (queued.path, queued.fault, queued.remaining)
            for queued in self.waiting
            if queued.remaining > 0
        ]
