"""Results of downloads."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from attrs import frozen

from ..errors import RoistatError


@frozen
class Download:
    """Complete file; `size` is in bytes, `sha256` is lower-case hex.

    In an object store `path` is the key below the place that was named, and `url` is its address.
    `resumed` tells that an interrupted download was continued instead of started again.
    """

    path: Path
    size: int
    sha256: str
    resumed: bool = False
    url: str | None = None


class DownloadStatus(StrEnum):
    """Result of one download of many."""

    SAVED = "saved"
    SKIPPED = "skipped"
    MISSING = "missing"
    FAILED = "failed"


@frozen
class DownloadOutcome:
    """Result of the recording of `call_id`; `error` is set if it failed.

    `sha256` is set if it was saved.
    """

    call_id: str
    status: DownloadStatus
    path: Path | None = None
    size: int | None = None
    error: RoistatError | None = None
    sha256: str | None = None


@frozen
class BulkProgress:
    """Progress of many downloads: files with an outcome, and bytes received of all files so far.

    `total_files` is None unless the calls are a list or another collection with a length.
    `seconds_left` is None as well then, and until a first file was requested; it assumes that the
    files left take as long as those requested so far. The bytes of all are unknown until the end,
    because Roistat states the size of a recording only in its response.
    """

    files: int
    total_files: int | None
    bytes: int
    seconds_left: float | None
