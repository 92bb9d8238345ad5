"""State of the fake server: its projects, what arrived, the faults to come."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .clocks import Clock, wall_clock
from .fault_queue import FaultQueue, When
from .faults import Fault
from .project import FakeProject
from .quirks import Quirks
from .recorded_request import RecordedRequest

# Shaped like a key and plainly made up.
API_KEY = "0123456789abcdef0123456789abcdef"


class ServerState:
    """Projects, requests and faults of a fake server, to read and to set."""

    def __init__(
        self,
        *,
        calls: int = 200,
        project: int = 12345,
        projects: Iterable[int] = (),
        api_key: str = API_KEY,
        seed: int = 1,
        quirks: Quirks | None = None,
        clock: Clock = wall_clock,
        business_hours: bool = False,
    ) -> None:
        """Make up a project, and further `projects`, each with `calls` calls.

        With `business_hours` calls come by day more than at night and on weekdays more than at
        weekends, in Moscow. Without them the calls of a test are alike at any time of the week.

        A clock of a test also counts the limits and writes the Date header. Without one, the Date
        header has the time of the system, and limits are counted by a monotonic clock.
        """
        self.project = project
        self.api_key = api_key
        self._quirks = quirks or Quirks()
        self.clock = clock
        self.projects: dict[int, FakeProject] = {}
        self.requests: list[RecordedRequest] = []
        self.on_request: Callable[[RecordedRequest], object] | None = None
        self.in_flight = 0
        self.peak_in_flight = 0
        self._seed = seed
        self._business_hours = business_hours
        self._faults = FaultQueue()
        for number in (project, *projects):
            self.add_project(number, calls=calls)

    @property
    def state(self) -> FakeProject:
        """The first project's state."""
        return self.projects[self.project]

    @property
    def quirks(self) -> Quirks:
        """How the fake behaves where nobody knows; set fields of it, or all of it."""
        return self._quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self._quirks = quirks
        for project in self.projects.values():
            project.quirks = quirks

    @property
    def used_faults(self) -> list[tuple[RecordedRequest, Fault]]:
        """Every fault that happened, with the request it met."""
        return self._faults.used

    def add_project(self, number: int, *, calls: int = 0) -> FakeProject:
        """Add a project that the same key opens."""
        seed = self._seed + len(self.projects)
        project = FakeProject(
            number,
            calls,
            seed,
            self.quirks,
            lambda: self.clock(),
            business_hours=self._business_hours,
        )
        self.projects[number] = project
        return project

    def fail(self, path: str, fault: Fault, times: int = 1, when: When | None = None) -> None:
        """Make the next `times` requests to a path (its end; `*` allowed) meet a fault."""
        self._faults.add(path, fault, times, when)

    def unused_faults(self) -> list[tuple[str, Fault, int]]:
        """Return path, fault and times for every scripted fault that has not happened."""
        return self._faults.unused()

    def take_fault(self, request: RecordedRequest) -> Fault | None:
        """Use up the fault that waits for this request."""
        return self._faults.take(request)

    def record(self, request: RecordedRequest) -> None:
        """Record what arrived and tell who wants to know, before it is answered."""
        self.requests.append(request)
        if self.on_request is not None:
            self.on_request(request)
