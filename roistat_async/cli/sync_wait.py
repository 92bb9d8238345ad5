"""Message about a wait of a sync."""

from __future__ import annotations

from ..errors import RateLimitError
from ..sync import SyncWait
from .text import print_error


def print_wait(wait: SyncWait) -> None:
    """Print on stderr why a sync waits, and for how long."""
    is_limit = isinstance(wait.error, RateLimitError)
    cause = "the request limit is used up" if is_limit else str(wait.error)
    what = "request" if is_limit else "attempt"
    print_error(f"project {wait.project}: {cause}; next {what} in {wait.seconds:.0f} s")
