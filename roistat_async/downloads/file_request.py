"""Request for a recording or an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..api.operation import Operation
from ..api.retry_rules import OperationKind
from ..wire import request
from .file_kind import FileKind


@frozen
class FileRequest:
    """Path and body that name a file, and the kind that it must be."""

    path: str
    body: Mapping[str, Any] | None
    kind: FileKind

    @property
    def supports_get(self) -> bool:
        """Return whether GET names the same file: only if the path alone does."""
        return self.body is None

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
