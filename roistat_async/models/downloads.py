"""What became of a file that was asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from attrs import frozen

from ..errors import RoistatError


@frozen
class Download:
    """Be a file that is whole and on disk; `size` is bytes, `sha256` lower-case hex."""

    path: Path
    size: int
    sha256: str
    resumed: bool = False


class DownloadStatus(StrEnum):
    """Say what became of one recording of many."""

    SAVED = "saved"
    SKIPPED = "skipped"
    MISSING = "missing"
    FAILED = "failed"


@frozen
class DownloadOutcome:
    """Say what became of the recording of `call_id`; `error` is set where it failed."""

    call_id: str
    status: DownloadStatus
    path: Path | None = None
    size: int | None = None
    error: RoistatError | None = None
