"""Options of `roistat sync`, parsed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .. import AudioFormat, Period
    from ..sync.calls_options import CallsOptions


class SyncOptions(NamedTuple):
    """Options of a sync; None means the default of the library."""

    to: str
    calls: CallsOptions
    is_full: bool
    period: Period | None
    concurrency: int | None
    folder: Path | str | None
    template: str | None
    wait_for: timedelta
    retry_given_up: bool
    accept: tuple[AudioFormat, ...]
    wait: bool

    @property
    def is_stdout(self) -> bool:
        """Whether the calls themselves go to stdout."""
        return self.to == "-"
