"""What file of Roistat's is asked for, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..api.attempt import Operation
from ..transport.retry import OperationKind
from ..wire import request
from .file_kind import FileKind


@frozen
class FileRequest:
    """Name a file of Roistat's and what it must be."""

    path: str
    body: Mapping[str, Any] | None
    content: FileKind
    is_bulk: bool = False
    """Whether the connection of another one may be used where nothing went wrong yet."""

    @property
    def supports_get(self) -> bool:
        """Tell whether GET names the same file: only where nothing but the path does."""
        return self.body is None

    def operation(self, *, is_repeat: bool, rest: request.ByteRange | None = None) -> Operation:
        """Spell it for the endpoint."""
        return Operation(
            self.path,
            request.encode_body(self.body),
            OperationKind.READ,
            is_file=True,
            byte_range=rest,
            may_reuse_connection=self.is_bulk and not is_repeat and rest is None,
        )
