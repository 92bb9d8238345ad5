"""A Roistat on your machine, for tests of programs that use this library."""

from __future__ import annotations

from .call_store import CallStore
from .fake import FakeRoistat
from .faults import Fault
from .project import FakeProject
from .quirks import Quirks
from .recorded_request import RecordedRequest

__all__ = ["CallStore", "FakeProject", "FakeRoistat", "Fault", "Quirks", "RecordedRequest"]
