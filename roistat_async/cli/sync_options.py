"""Options of `roistat sync`, parsed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from .. import Period

OnBadRecord = Literal["raise", "skip"]


class SyncOptions(NamedTuple):
    """Options of a sync; None means the default of the library."""

    to: str
    since: datetime | None
    extend: tuple[str, ...]
    lookback: timedelta
    is_full: bool
    period: Period | None
    page_size: int
    concurrency: int | None
    on_bad_record: OnBadRecord
    folder: Path | None
    template: str | None
    wait_for: timedelta

    @property
    def is_stdout(self) -> bool:
        """Whether the calls themselves go to stdout."""
        return self.to == "-"
