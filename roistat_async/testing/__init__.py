"""A Roistat on your machine, for tests of programs that use this library."""

from __future__ import annotations

from .call_store import CallBook
from .fake import FakeRoistat
from .faults import Fault
from .project import FakeProject
from .quirks import Quirks
from .recorded_request import Seen

__all__ = ["CallBook", "FakeProject", "FakeRoistat", "Fault", "Quirks", "Seen"]
