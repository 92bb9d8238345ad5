"""Request for a recording or an export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from ..api.operation import Operation
from ..api.retry_rules import OperationKind
from ..errors import ConfigurationError
from ..validation import require_iterable
from ..wire import request
from .file_kind import AUDIO_FORMATS, ENDINGS, AudioFormat, FileKind

_EXPORT = "project/calltracking/call/xls/export"


@frozen
class FileRequest:
    """Path and body that name a file, and the kinds that it may be of.

    An unchecked one may be anything but empty, or an error of Roistat.
    """

    path: str
    body: Mapping[str, Any] | None
    kinds: tuple[FileKind, ...]
    is_checked: bool = True

    @property
    def supports_get(self) -> bool:
        """Return whether GET names the same file: only if the path alone does."""
        return self.body is None

    @property
    def is_recording(self) -> bool:
        """Return whether the file is a recording."""
        return FileKind.MP3 in self.kinds

    @property
    def endings(self) -> list[str]:
        """Return the endings of the accepted kinds of recordings."""
        return [ENDINGS[kind] for kind in self.kinds if kind in ENDINGS]

    def operation(
        self, *, is_retry: bool, byte_range: request.ByteRange | None = None
    ) -> Operation:
        """Return the operation that requests the file, or a byte range of it."""
        return Operation(
            self.path,
            request.encode_body(self.body),
            OperationKind.READ,
            is_file=True,
            byte_range=byte_range,
            is_retry=is_retry,
        )


def recording_request(
    call_id: str, accept: Iterable[AudioFormat] = (), *, check: bool = True
) -> FileRequest:
    """Return the request for a recording: an MP3, or of an accepted format."""
    path = f"project/calltracking/call/{call_id}/file"
    return FileRequest(path, None, accepted_kinds(accept), check)


def export_request(body: Mapping[str, Any], *, check: bool = True) -> FileRequest:
    """Return the request for a sheet with the calls of a period."""
    return FileRequest(_EXPORT, body, (FileKind.XLS, FileKind.XLSX), check)


def accepted_kinds(accept: Iterable[AudioFormat]) -> tuple[FileKind, ...]:
    """Return MP3 and the kinds of these formats; raise ConfigurationError for another name."""
    names = list(require_iterable(accept, "accept"))
    if any(name not in AUDIO_FORMATS for name in names):
        raise ConfigurationError(
            f"accept must be a list of formats: {', '.join(AUDIO_FORMATS)}; MP3 is always accepted"
        )
    return (FileKind.MP3, *dict.fromkeys(AUDIO_FORMATS[name] for name in names))
