"""Doctor: finds out, in at most eight read requests, how Roistat behaves for one project.

    for check in await run_checks(roistat):
        print(check.status, check.name, check.detail)

`docs/roistat-api-notes.md §9` lists what nobody knows about the API. The checks settle it for a
project, and say what the library does in each case.
"""

from __future__ import annotations

from .bug_report import format_report
from .check import Check, CheckStatus
from .run import is_refused, run_checks

__all__ = ["Check", "CheckStatus", "format_report", "is_refused", "run_checks"]
